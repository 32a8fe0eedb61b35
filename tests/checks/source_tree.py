"""Projects written to disk by tests, judged with the real walk and the real readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import builders as b
import rows

from gpufix.checks.judge import run_check
from gpufix.checks.registry import declared
from gpufix.evidence.view import View
from gpufix.facts.context import CollectContext
from gpufix.facts.project.project import collect
from gpufix.facts.queries import Queries
from gpufix.knowledge.gpus import models as known
from gpufix.model import Evidence, Finding, Plan, Target, WriteFile

SETUP = """\
import os
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
{before}
setup(
    name="ext",
    ext_modules=[
        CUDAExtension("ext._C", ["ext.cu"], extra_compile_args={{"nvcc": [{flags}], "cxx": []}})
    ],
    cmdclass={{"build_ext": BuildExtension}},
)
"""


def setup(flags: str = "", before: str = "") -> str:
    """A setup.py with these nvcc flags, and statements before it."""
    return SETUP.format(flags=flags, before=before)


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """The files of a project."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return root


def look(root: Path, *named: str, env: dict[str, str] | None = None, **sections: Any) -> View:
    """A healthy machine with the project at `root`; targets are the GPUs named, or those there."""
    facts = b.healthy(
        **{
            "gpus": [] if named else [b.gpu("sm_89")],
            "project": collect(CollectContext(), root),
            "environment": b.environment(**(env or {})),
            **sections,
        }
    )
    targets = [known.resolve(name) for name in named] or [
        Target(vendor=g.vendor, arch=g.arch, name=g.name, source="GPU 0", gpu=0)
        for g in facts.gpus
        if g.arch
    ]
    return View(facts, targets, Queries.of(facts))


def project(
    files: Mapping[str, str | bytes], *named: str, **sections: Any
) -> Callable[[Path], View]:
    """What a row is given: `look` at a project of these files."""
    return lambda root: look(write(root, files), *named, **sections)


def at(path: str, line: int, text: str) -> Evidence:
    """A place in a file of such a project."""
    return Evidence(text=text, path=f"{rows.ROOT}/{path}", line=line)


def found(check: Any, view: View) -> list[Finding]:
    """The findings of one check."""
    return run_check(declared(check), view)


def told(findings: list[Finding]) -> list[tuple[str, str, list[int | None]]]:
    """(severity, subject, lines) of each finding."""
    return [(f.severity.value, f.subject, [e.line for e in f.evidence]) for f in findings]


def apply(plan: object) -> dict[str, str | None]:
    """Write a plan's files; the variables that it sets."""
    assert isinstance(plan, Plan), plan
    variables: dict[str, str | None] = {}
    for step in plan.steps:
        if isinstance(step, WriteFile):
            Path(step.path).write_bytes(step.content.encode(step.encoding))
        elif step.kind == "environment":
            variables |= step.variables
    return variables

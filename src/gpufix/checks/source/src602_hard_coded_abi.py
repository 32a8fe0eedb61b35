"""SRC602."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence import cmake_abi
from gpufix.evidence.builds import builds_of
from gpufix.evidence.cmake_builds import roots
from gpufix.evidence.cxx import forced
from gpufix.evidence.script_rows import docker_files, shell_files
from gpufix.evidence.source_view import (
    absolute,
    active,
    at,
    python_files,
)
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model import Gap, Severity, Torch
from gpufix.model.source_payload import AbiFile, FixedAbi
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.source_facts import AbiFlag, is_setup

if TYPE_CHECKING:
    from gpufix.source.source_facts import PythonFacts, ShellFacts

_NAME = "_GLIBCXX_USE_CXX11_ABI"
_DEFINED = re.compile(rf"-D\s?{_NAME}=([01])")
# cpp_extension appended torch's own value to each build until 2.7; the last -D wins.
_APPENDS_BEFORE = "2.8"


@rule("SRC602", "hard-coded-abi")
def hard_coded_abi(view: View) -> Iterator[Fault | Gap]:
    """A build file fixes `_GLIBCXX_USE_CXX11_ABI`, and not as the installed torch has it.

    ## What it does
    Looks for the definition in the flags and macros of a setup.py that asks for torch, in what a run of CMake would hand to
    the compilers of its targets, and in compiler calls of scripts and Dockerfiles, and compares it
    with the installed torch's.

    ## Why it matters
    The extension builds and does not load: `undefined symbol: _ZN3c106detail14torchCheckFail…RKSs`.
    torch's PyPI wheels changed from 0 to 1 with 2.7.

    ## Example
    `cmake/FindTorch.cmake defines _GLIBCXX_USE_CXX11_ABI=0; torch 2.7.1+cu128 has 1.`

    ## Severity
    Error; warning where only a run would tell whether it is reached, and in scripts. Advice in a
    setup.py built by torch before 2.8, which appends its own value, and in a Dockerfile, whose
    image may hold another torch. Without a torch whose value is known it is a gap.

    ## Fix
    Safe: read the value from the installed torch instead.

    ## Source
    GCC's dual ABI; torch/utils/cpp_extension.py of 1.13 to 2.15.
    """
    torch = view.facts.torch
    for path, facts in python_files(view).items():
        if facts.calls_setup or facts.extension:  # in another script's text it is no build's flag
            with_torch = _with_torch(view, facts)
            rows = _of_run(view, path, with_torch)
            told = (facts.abi if with_torch else ()) if rows is None else rows
            yield from _judged(view, torch, "python", path, told, facts.extension)
    for path, flags in view.derive(cmake_abi.fixed).items():
        yield from _judged(view, torch, "cmake", path, flags)
    others: tuple[tuple[AbiFile, Mapping[str, ShellFacts]], ...] = (
        ("shell", shell_files(view)),
        ("docker", docker_files(view)),
    )
    for part, files in others:
        for path, found in files.items():
            yield from _judged(view, torch, part, path, found.abi)


def _with_torch(view: View, facts: PythonFacts) -> bool:
    """Whether a build file asks for torch, itself or by the CMake files that it configures."""
    if facts.extension or "torch" in facts.imports:
        return True
    return any(r.caller == "setup.py" and r.build.with_torch is not None for r in roots(view))


def _of_run(view: View, path: str, with_torch: bool) -> list[AbiFlag] | None:
    """The definitions that a setup.py hands to compilers; None where its run does not tell.

    with_torch: setuptools' own extensions too, which may be linked to torch.
    """
    if not is_setup(path):
        return None
    run = builds_of(view).run(path)
    if not run.called or not run.whole or run.fails or run.unsure or not run.extensions:
        return None
    if any(UNKNOWN_PART in s.text for e in run.extensions for s in (*e.cxx, *e.nvcc)):
        return None
    rows: dict[int, AbiFlag] = {}
    for each in run.extensions:
        if each.kind == "plain" and not with_torch:
            continue
        for said in (*each.cxx, *each.nvcc):
            if (found := _DEFINED.search(said.text)) and said.place.path == path:
                guards = () if said.sure and each.sure else ("?",)
                rows[said.place.line] = AbiFlag(said.place.line, int(found[1]), guards)
        for macro in each.macros:
            if macro.name == _NAME and macro.value in ("0", "1") and macro.place.path == path:
                guards = () if macro.sure and each.sure else ("?",)
                rows[macro.place.line] = AbiFlag(macro.place.line, int(macro.value), guards)
    return [rows[line] for line in sorted(rows)]


def _judged(
    view: View,
    torch: Torch | None,
    part: AbiFile,
    path: str,
    flags: Sequence[AbiFlag],
    by_torch: bool = False,
) -> Iterator[Fault | Gap]:
    """by_torch: cpp_extension builds it."""
    rows = [r for r in flags if active(view, r.guards) is not False]
    if not rows or (part == "cmake" and forced(view, path)):
        return
    if torch is None or torch.cxx11_abi is None:
        yield _unknown(view, torch, path, rows[0])
        return
    rows = [r for r in rows if bool(r.value) != torch.cxx11_abi]
    if rows:
        yield _fault(view, torch, part, path, rows, by_torch)


def _unknown(view: View, torch: Torch | None, path: str, row: AbiFlag) -> Gap:
    known = f"what torch {torch.version} has is not known" if torch else "no torch is installed"
    reason = f"defines _GLIBCXX_USE_CXX11_ABI={row.value} (line {row.line}); {known}"
    return Gap(section="sources", subject=absolute(view, path), reason=reason)


def _fault(
    view: View, torch: Torch, part: AbiFile, path: str, rows: list[AbiFlag], by_torch: bool
) -> Fault:
    value = rows[0].value
    text = f"_GLIBCXX_USE_CXX11_ABI={value}"
    when = f" when it is run with {rows[0].when}" if all(r.when for r in rows) else ""
    return Fault(
        severity=_severity(view, torch, part, rows, by_torch),
        subject=path,
        message=f"{path} defines {text}{when}; torch {torch.version} has {1 - value}.",
        evidence=tuple(at(view, path, r.line, text) for r in rows),
        breaks=tuple(f"source-abi:{name}" for name in _built_from(view, path)),
        payload=FixedAbi(path, tuple(r.line for r in rows), value, part),
    )


def _built_from(view: View, path: str) -> list[str]:
    """Editable distributions of the folder that holds the file: ABI301 of them follows from it."""
    full = absolute(view, path)
    return [
        dist.name
        for dist in view.facts.distributions
        if dist.editable and full.startswith(f"{dist.editable.rstrip('/')}/")
    ]


def _severity(
    view: View, torch: Torch, part: AbiFile, rows: list[AbiFlag], by_torch: bool
) -> Severity:
    certain = any(active(view, r.guards) for r in rows)
    if part == "docker" or all(r.when for r in rows):
        return ADVICE
    if part == "shell" or not certain:
        return WARNING
    if by_torch:
        appended = torch.release is not None and not at_least(torch.release, _APPENDS_BEFORE)
        return ADVICE if appended else ERROR
    return ERROR

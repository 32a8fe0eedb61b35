"""Which earlier release still has a name: candidates are unpacked beside the environment, and read as it is read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from packaging.version import Version

from gpufix.engine import child
from gpufix.engine.installer import choose, environment, options
from gpufix.engine.run_context import RunContext, StepFailed
from gpufix.evidence.requirements import parse, version_of
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.libraries.modules import Modules
from gpufix.model import Install, Python
from gpufix.text.names import normalise

_SERIES = 6  # series that are gone back


def settled(step: Install, context: RunContext) -> Install:
    """The step with the newest release that has what is sought, in the place of its first requirement.

    Series by series from that requirement's end on. Raises StepFailed where none of them has it.
    """
    first, *rest = step.install
    requirement, python = parse(first), context.facts.python
    assert requirement is not None and python is not None and step.sought is not None
    name, read = normalise(requirement.name), list[str]()
    for _ in range(_SERIES):
        ends = "".join(f",<{_series(version)}" for version in read[-1:])
        folder = Path(context.environ["TMPDIR"], "candidate")
        version = _unpacked(f"{first}{ends}", name, folder, step, context)
        found = version is not None and _has(step.sought, {name: version}, folder, python)
        shutil.rmtree(folder, ignore_errors=True)
        if version is None:
            break
        if found:
            context.say(f"{name} {version} has {step.sought}")
            return replace(step, install=[f"{name}=={version}", *rest])
        read.append(version)
    seen = f"; read were {', '.join(read)}" if read else ""
    raise StepFailed(f"no release was found within {first} that has {step.sought}{seen}")


def _unpacked(text: str, name: str, folder: Path, step: Install, context: RunContext) -> str | None:
    """Install one wheel into a folder of its own; its version, None where there is none."""
    installer = choose(context.facts)
    alone = replace(step, install=[text], dependencies=False, reinstall=False)
    more = ["--target", str(folder), "--only-binary", ":all:", *options(alone, context)]
    environ = environment(context.environ, installer.kind)
    try:
        child.run(installer.command("install", *more, "--", text), context, environ, "candidate")
    except StepFailed:
        return None
    for info in folder.glob("*.dist-info"):
        own, _, version = info.name.removesuffix(".dist-info").rpartition("-")
        if normalise(own) == name and version_of(version):
            return version
    return None


def _has(sought: str, versions: dict[str, str], folder: Path, python: Python) -> bool:
    """By the judgement that found it lacking."""
    there = replace(python, sys_path=[str(folder), *python.sys_path])
    names = ModuleNames(Modules(there), versions)
    asked = names.split(sought)
    return asked is not None and not names.lacks(*asked)


def _series(version: str) -> str:
    """What its series begins with: 4.57 of 4.57.1."""
    parsed = Version(version)
    return f"{parsed.major}.{parsed.minor}"

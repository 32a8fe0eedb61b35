"""SRC601 in CMake files and shell scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.evidence import arch_lists as arch
from gpufix.evidence.arch_lists import ArchList, of_cmake, of_installed_torch, of_rocm
from gpufix.evidence.building import builds
from gpufix.evidence.scripts import docker_files, shell_files
from gpufix.evidence.source_view import (
    active,
    at,
    beside,
    cmake_files,
    python_files,
)
from gpufix.evidence.view import View
from gpufix.model import Target
from gpufix.model.source_payload import ArchExport, CMakeArchs

if TYPE_CHECKING:
    from gpufix.source.source_facts import CMakeFacts, Guards, ShellExport


class _Fixed(NamedTuple):
    """What a CMake file fixes. `follows`: the variable to take it from; `others`: beside which
    CMake or torch adds the architectures of that variable."""

    what: str
    shown: str
    line: int
    guards: Guards
    archs: ArchList
    follows: str | None
    others: bool = False


def cmake_faults(view: View) -> Iterator[Fault]:
    """CMAKE_CUDA_ARCHITECTURES, the targets' property, and -gencode in nvcc's flags."""
    if not builds(view) or arch.vendor(view) == "amd":
        return
    files = cmake_files(view)
    follows = _read_by(files)
    for path, facts in files.items():
        for row in facts.archs:
            archs = of_cmake(row.value)
            fixed = _Fixed(row.variable, row.value, row.line, row.guards, archs, "CUDAARCHS")
            yield from _judged(view, path, fixed)
        for flag in facts.flags:
            shown, archs = arch.named(flag.archs), arch.arch_list(flag.archs)
            others = follows is not None
            fixed = _Fixed("nvcc's flags", shown, flag.line, flag.guards, archs, follows, others)
            yield from _judged(view, path, fixed)


def _served_beside(view: View, name: str, target: Target) -> bool:
    """Whether the variable that CMake or torch adds flags from, is set and serves a target."""
    value = view.env(name) or ""
    archs = of_cmake(value) if name == "CUDAARCHS" else of_installed_torch(view, value)
    return archs is not None and archs.serves(target)


def _read_by(files: Mapping[str, CMakeFacts]) -> str | None:
    """The variable that a CMake build takes architectures from where its flags name none.

    torch's cuda.cmake adds its own from TORCH_CUDA_ARCH_LIST and turns CMake's off. None: only the
    old FindCUDA, which reads none.
    """
    if any(facts.torch for facts in files.values()):
        return "TORCH_CUDA_ARCH_LIST"
    return "CUDAARCHS" if any(facts.cuda for facts in files.values()) else None


def _judged(view: View, path: str, fixed: _Fixed) -> Iterator[Fault]:
    verdict = active(view, fixed.guards)
    if verdict is False:
        return
    missed, (cuda, bad) = arch.missed(view, fixed.archs), arch.refused(view, fixed.archs)
    bad = bad if verdict else []
    what, shown, others, follows = fixed.what, fixed.shown, fixed.others, fixed.follows
    missed = [t for t in missed if not others or not _served_beside(view, follows or "", t)]
    if not missed and not bad:
        return
    aside = any(facts.extension for facts in beside(path, python_files(view)))
    reasons = [f"no code of that runs on {arch.listed(missed)}"] if missed else []
    reasons += [f"what does comes from {follows} alone"] if missed and others else []
    reasons += [f"nvcc {cuda} generates no code for {', '.join(bad)}"] if bad else []
    reasons += ["only builds with CMake are concerned, setup.py does without"] if aside else []
    grave = ERROR if bad else arch.severity(view, missed, verdict is True)
    yield Fault(
        severity=ADVICE if aside or (others and not bad) else grave,
        subject=path,
        message=f"{path} fixes {what} at {shown}; {'; '.join(reasons)}.",
        evidence=(at(view, path, fixed.line, f"{what}: {shown}"),),
        payload=CMakeArchs(path, fixed.line, follows),
    )


def shell_faults(view: View) -> Iterator[Fault]:
    """export TORCH_CUDA_ARCH_LIST="7.5 8.0" in a script, outside any condition; ENV in a Dockerfile.

    An image is another environment than the one at hand: advice.
    """
    for path, facts in shell_files(view).items():
        for row in facts.exports:
            yield from _exported(view, path, row, "shell")
    for path, facts in docker_files(view).items():
        for row in facts.exports:
            for fault in _exported(view, path, row, "docker"):
                yield replace(fault, severity=ADVICE)


def _exported(
    view: View, path: str, row: ShellExport, file: Literal["shell", "docker"]
) -> Iterator[Fault]:
    name, value = row.name, row.value
    amd = arch.vendor(view) == "amd"
    if (name == "PYTORCH_ROCM_ARCH") != amd or not value.strip():
        return
    if name == "CUDAARCHS":
        archs: ArchList | None = of_cmake(value)
    else:
        archs = of_rocm(value) if amd else of_installed_torch(view, value)
    missed = arch.missed(view, archs) if archs else []
    when = f" when it is run with {row.when}" if row.when else ""
    if missed:
        yield Fault(
            severity=ADVICE if row.when else WARNING,
            subject=path,
            message=f'{path} sets {name} to "{value}"{when}, whose code does not run on '
            f"{arch.listed(missed)}.",
            evidence=(at(view, path, row.line, f"{name}={value}"),),
            payload=ArchExport(path, row.line, name, file),
        )

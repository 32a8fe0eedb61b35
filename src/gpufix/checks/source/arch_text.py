"""SRC601 in shell scripts and Dockerfiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.evidence import arch_lists as arch
from gpufix.evidence.arch_lists import ArchList, of_cmake, of_installed_torch, of_rocm
from gpufix.evidence.script_rows import docker_files, shell_files
from gpufix.evidence.script_words import ArchWords, arch_words
from gpufix.evidence.source_view import at
from gpufix.evidence.view import View
from gpufix.model import Target
from gpufix.model.source_payload import ArchExport
from gpufix.source.arch_flags import parse

if TYPE_CHECKING:
    from gpufix.source.source_facts import ShellExport


def shell_faults(view: View) -> Iterator[Fault]:
    """export TORCH_CUDA_ARCH_LIST="7.5 8.0" in a script, outside any condition; ENV in a Dockerfile.

    An image is another environment than the one at hand: advice.
    """
    for path, facts in shell_files(view).items():
        for row in facts.exports:
            yield from _exported(view, path, row, "shell")
    for path, facts in docker_files(view).items():
        told: dict[str, Fault] = {}  # a list that several lines hand on is one
        for row in facts.exports:
            for fault in _exported(view, path, row, "docker"):
                first = told.setdefault(fault.message, replace(fault, severity=ADVICE, evidence=()))
                told[fault.message] = replace(first, evidence=(*first.evidence, *fault.evidence))
        yield from told.values()


def command_faults(view: View) -> Iterator[Fault]:
    """cmake -DCMAKE_CUDA_ARCHITECTURES=75 and nvcc -arch=sm_75 in a script: one finding a script."""
    met: dict[str, list[tuple[ArchWords, list[Target]]]] = {}
    for row in arch_words(view) if arch.vendor(view) != "amd" else ():
        archs = of_cmake(row.archs) if row.cmake else arch.arch_list(parse(row.archs))
        if missed := arch.missed(view, archs):
            met.setdefault(row.path, []).append((row, missed))
    for path, rows in met.items():
        first, missed = rows[0]
        when = f" when it is run with {first.when}" if first.when else ""
        yield Fault(
            severity=ADVICE if all(row.when for row, _ in rows) else WARNING,
            subject=path,
            message=f"{path} builds with {first.text}{when}, whose code does not run on "
            f"{arch.listed(missed)}.",
            evidence=tuple(
                at(view, path, *place) for place in dict.fromkeys((r.line, r.text) for r, _ in rows)
            ),
            payload=ArchExport(path, first.line, first.text, "command"),
        )


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

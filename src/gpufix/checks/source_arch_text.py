"""SRC601 in CMake files and shell scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpufix.checks import source_arch as arch
from gpufix.checks.arch_list import ArchList, of_cmake, of_rocm, of_torch
from gpufix.checks.building import builds
from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source_guards import active
from gpufix.checks.source_view import at, beside, cmake_files, python_files, shell_files
from gpufix.view import View


def cmake_faults(view: View) -> Iterator[Fault]:
    """CMAKE_CUDA_ARCHITECTURES, the targets' property, and -gencode in nvcc's flags."""
    if not builds(view) or arch.vendor(view) == "amd":
        return
    for path, facts in cmake_files(view).items():
        for row in facts.get("archs", []):
            yield from _judged(view, path, row, of_cmake(row["value"]), row["value"])
        for row in facts.get("flags", []):
            asked = arch.arch_list(row["archs"])
            yield from _judged(view, path, row, asked, arch.named(row["archs"]))


def _judged(
    view: View, path: str, row: dict[str, Any], asked: ArchList, shown: str
) -> Iterator[Fault]:
    verdict = active(view, row["guards"])
    if verdict is False:
        return
    lost, (cuda, bad) = arch.missed(view, asked), arch.refused(view, asked)
    bad = bad if verdict else []
    if not lost and not bad:
        return
    aside = any(facts.get("extension") for facts in beside(path, python_files(view)))
    what = row.get("variable", "nvcc's flags")
    said = [f"no code of that runs on {arch.listed(lost)}"] if lost else []
    said += [f"nvcc {cuda} generates no code for {', '.join(bad)}"] if bad else []
    said += ["only builds with CMake are concerned, setup.py does without"] if aside else []
    grave = ERROR if bad else arch.severity(view, lost, verdict is True)
    yield Fault(
        severity=ADVICE if aside else grave,
        subject=path,
        message=f"{path} fixes {what} at {shown}; {'; '.join(said)}.",
        evidence=(at(view, path, row["line"], f"{what}: {shown}"),),
        data={"part": "cmake", "path": path, "line": row["line"], "variable": row.get("variable")},
    )


def shell_faults(view: View) -> Iterator[Fault]:
    """export TORCH_CUDA_ARCH_LIST="7.5 8.0" in a script, outside any condition."""
    for path, facts in shell_files(view).items():
        for row in facts.get("exports", []):
            yield from _exported(view, path, row)


def _exported(view: View, path: str, row: dict[str, Any]) -> Iterator[Fault]:
    name, value, torch = row["name"], row["value"], view.facts.torch
    amd = arch.vendor(view) == "amd"
    if (name == "PYTORCH_ROCM_ARCH") != amd or not value.strip():
        return
    if name == "CUDAARCHS":
        asked = of_cmake(value)
    elif amd:
        asked = of_rocm(value)
    elif torch and torch.release:
        asked = of_torch(value, torch.release)
    else:
        return
    lost = arch.missed(view, asked)
    if lost:
        yield Fault(
            severity=WARNING,
            subject=path,
            message=f'{path} sets {name} to "{value}", whose code does not run on '
            f"{arch.listed(lost)}.",
            evidence=(at(view, path, row["line"], f"{name}={value}"),),
            data={"part": "shell", "path": path, "line": row["line"], "name": name},
        )

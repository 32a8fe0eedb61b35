"""TCH207 for cmake itself: the release that a project's configure asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.building import cuda_torch
from gpufix.evidence.cmake_builds import CMakeRoot, brings_cmake, release, requires, roots
from gpufix.evidence.cxx_standard import refused
from gpufix.evidence.source_view import at, python_files
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model import Severity
from gpufix.model.payload import MissingRequirements
from gpufix.model.source_payload import CMakeNeed
from gpufix.source.builds.run import Ending, Place

Kind = Literal["newer", "policy", "FindCUDA"]
# NVIDIA-CUDA.cmake has CMAKE_CUDA20_STANDARD_COMPILE_OPTION from this release on, not in 3.25.1.
_CUDA_20 = "3.25.2"


def faults(view: View) -> Iterator[Fault]:
    """One for a CMake build; none where its back end brings a cmake of its own."""
    cmake = release(view)
    if cmake is None:
        return
    for root in roots(view):
        if root.caller == "aside" or brings_cmake(view, root) or _for_amd(view, root):
            continue
        end = root.refused or root.build.fails
        if end is not None:
            yield from _ended(view, root, end, cmake)
        else:
            yield from _dialect(view, root, cmake)


# What pip installs and find_package() finds: a header of each.
_FROM_PIP = {"pybind11": "pybind11/pybind11.h", "nanobind": "nanobind/nanobind.h"}


def packages(view: View) -> Iterator[Fault]:
    """What a configure that pip starts looks for, no build requirement brings, and nothing here holds."""
    for root in roots(view):
        if (
            root.caller not in ("scikit-build-core", "setup.py")
            or "CMAKE_PREFIX_PATH" in root.defines
        ):
            continue
        for end in root.build.endings:
            name = end.message.partition("(")[2].partition(")")[0]
            header = _FROM_PIP.get(name) if end.error == "package" and not end.hangs else None
            if header is None or f"{name}_DIR" in root.defines or view.dist(name):
                continue
            if requires(view, root, name) or view.system_header(header) is not False:
                continue
            yield Fault(
                severity=WARNING,
                subject=root.path,
                message=f"{end.place.path} looks for {name}, which is not installed, and its build does "
                "not declare it.",
                evidence=(at(view, end.place.path, end.place.line, f"find_package({name})"),),
                payload=MissingRequirements(name, False, ()),
            )


def _for_amd(view: View, root: CMakeRoot) -> bool:
    """Whether a build compiles only for AMD GPUs, where NVIDIA's are to be served."""
    languages = dict(root.build.languages)
    return "HIP" in languages and "CUDA" not in languages and vendor(view) == "nvidia"


def _ended(view: View, root: CMakeRoot, end: Ending, cmake: str) -> Iterator[Fault]:
    if end.error == "cmake":
        wanted = end.message.split()[1]
        text = f"asks for CMake {wanted} or newer"
        yield _fault(view, root, end.place, text, cmake, "newer", wanted)
    elif end.error == "policy" and "FindCUDA" in end.message:
        text = "calls find_package(CUDA) with the policies of CMake 3.27, which have no FindCUDA"
        yield _fault(view, root, end.place, text, cmake, "FindCUDA", "")
    elif end.error == "policy" and end.message.startswith("Policy "):
        text = f"sets policy {end.message.split()[1]} to OLD, which CMake 4 refuses"
        yield _fault(view, root, end.place, text, cmake, "policy", "3.5")
    elif end.error == "policy":
        text = "asks for the policies of a CMake before 3.5, which CMake 4 refuses"
        yield _fault(view, root, end.place, text, cmake, "policy", "3.5")


def _dialect(view: View, root: CMakeRoot, cmake: str) -> Iterator[Fault]:
    """torch's CMake files require the C++ that nvcc is asked for: CMAKE_CUDA_STANDARD_REQUIRED."""
    place = root.build.with_torch
    if place is None or at_least(cmake, _CUDA_20) or cuda_torch(view) is None:
        return
    wants = [
        t.cuda_standard.place
        for t in root.build.targets
        if t.cuda and t.sure and t.cuda_standard and t.cuda_standard.text in ("20", "23")
    ]
    wants += [
        Place(row.path, asked.line)
        for row in refused(view)
        if row.way == "cmake" and row.needs >= 20 and row.path in root.build.files
        for asked in row.asked
        if asked.unset == "CMAKE_CUDA_STANDARD"
    ]
    if wants:
        text = f"needs C++20 from nvcc, which CMake asks for since {_CUDA_20}"
        yield _fault(view, root, wants[0], text, cmake, "newer", _CUDA_20)


def _fault(
    view: View,
    root: CMakeRoot,
    place: Place,
    text: str,
    cmake: str,
    kind: Kind,
    wanted: str,
) -> Fault:
    beside = any(
        facts.extension for facts in python_files(view).values()
    )  # may be all that is built
    surely = root.caller == "hand" and root.path == "CMakeLists.txt" and not beside
    severity: Severity = ERROR if surely else WARNING
    return Fault(
        severity=severity,
        subject=root.path,
        message=f"{place.path} {text}; cmake {cmake} is here.",
        evidence=(at(view, place.path, place.line, text),),
        payload=CMakeNeed(kind, root.path, wanted),
    )

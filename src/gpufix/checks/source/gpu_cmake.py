"""SRC613 in CMake builds: what they take from the visible GPU, and do without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.evidence.arch_lists import listed, targets, vendor
from gpufix.evidence.building import builds, toolkit_in_use
from gpufix.evidence.cmake_archs import compiled
from gpufix.evidence.cmake_builds import CMakeRoot, release, roots
from gpufix.evidence.cmake_switches import switched_off
from gpufix.evidence.source_view import aside, at
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least, minor
from gpufix.model import Severity
from gpufix.model.source_payload import CMakeGpuAsked, CMakeOption, ProjectFile, SwitchedBuild

if TYPE_CHECKING:
    from gpufix.evidence.cmake_archs import Compiled
    from gpufix.source.builds.run import Place

# Of these cmake releases `native` without a GPU ends the configure (3.25 and 3.26 tried); older ones
# refuse the word. 3.28, 3.30, 3.31, 4.0 and 4.4 leave it to nvcc, which takes its default architecture.
_STOPS_BELOW = "3.27"
# torch's select_compute_arch.cmake, of releases for CUDA 13: "common" architectures begin with 5.0.
_COMMON_OF = ("2.9", "2.15")


def faults(view: View) -> Iterator[Fault]:
    """native, torch's own detection, and what ends or is left out without a visible GPU or without CUDA."""
    if not targets(view):
        return
    if vendor(view) == "amd":
        for root in roots(view) if builds(view) else ():
            yield from _without_hip(view, root)
        return
    if any(gpu.vendor == "nvidia" for gpu in view.facts.gpus):
        return
    of = _of if builds(view) else _off
    for root in roots(view):
        found = next(of(view, root), None)
        if found is not None:
            yield found


def _without_hip(view: View, root: CMakeRoot) -> Iterator[Fault]:
    """CUDA as a language of a build for AMD GPUs, and HIP as none."""
    torch, languages = view.facts.torch, dict(root.build.languages)
    place = languages.get("CUDA")
    if torch is None or not torch.hip or place is None or "HIP" in languages:
        return
    if root.caller == "aside" or aside(root.path):
        return
    if not root.build.ran.get((place.path, place.line)):
        return
    yield Fault(
        severity=WARNING,
        subject=root.path,
        message=f"{root.path} enables CUDA, and not HIP; {listed(targets(view))} is to be served.",
        evidence=(at(view, place.path, place.line, "CUDA is a language of it"),),
        payload=ProjectFile(root.path),
    )


def _of(view: View, root: CMakeRoot) -> Iterator[Fault]:
    if (end := root.blind) is not None:
        what = f"stops where no GPU is visible ({end.message[:160]})"
        yield _fault(view, root, end.place, what, ERROR, end.message[:160])
        return
    build = root.build
    if build.fails is not None:
        return
    yield from _off(view, root)
    for row in compiled(build):
        if row.archs is not None and row.archs.text == "native" and row.there:
            yield _native(view, root, row)
        if row.by_torch is not None and row.by_torch == build.detects and row.there:
            yield from _common(view, root, row.by_torch)


def _off(view: View, root: CMakeRoot) -> Iterator[Fault]:
    """The variable without which it builds for the CPU."""
    mine = root.caller != "aside" and not aside(root.path)
    switch = switched_off(view, root) if mine else None
    if switch is None:
        return
    place, name, value = switch.place, switch.name, switch.value
    served = f"{listed(targets(view))} is to be served"
    if switch.setup:
        yield Fault(
            severity=ADVICE,
            subject=switch.setup,
            message=f"{switch.setup} builds without CUDA unless {name} is {value}; {served}.",
            evidence=(at(view, place.path, place.line, f"asks for {name}"),),
            payload=SwitchedBuild(switch.setup, name, value),
        )
        return
    shown = f"{name} is off" if value == "ON" else f"{name} is not {value}"
    yield Fault(
        severity=ADVICE,
        subject=root.path,
        message=f"{root.path} builds without CUDA unless cmake is given -D{name}={value}; {served}.",
        evidence=(at(view, place.path, place.line, shown),),
        payload=CMakeOption(root.path, name, value, root.caller == "scikit-build-core"),
    )


def _native(view: View, root: CMakeRoot, row: Compiled) -> Fault:
    cmake = release(view)
    place = row.archs.place if row.archs else root.build.targets[0].place
    known = cmake is not None and not at_least(cmake, _STOPS_BELOW)
    end = f"cmake {cmake} stops" if known else "nvcc takes its default architecture"
    what = f"builds {row.name} for the GPU that it sees (native), and none is visible: {end}"
    severity = ERROR if known else WARNING
    return _fault(view, root, place, what, severity, "CUDA_ARCHITECTURES: native")


def _common(view: View, root: CMakeRoot, place: Place) -> Iterator[Fault]:
    """torch's CMake files take their common architectures, of which nvcc 13 refuses the first."""
    torch, toolkit = view.facts.torch, toolkit_in_use(view)
    version = minor(toolkit.version) if toolkit and toolkit.version else ""
    if torch is None or not torch.release or not version or not at_least(version, "13.0"):
        return
    if not at_least(torch.release, _COMMON_OF[0]) or at_least(torch.release, _COMMON_OF[1]):
        return
    what = (
        "leaves the architectures to torch, which takes those of the visible GPU, and without one a "
        f"list that begins with sm_50: nvcc {version} generates no code for it"
    )
    # A warning: a project may take the flag out again.
    yield _fault(view, root, place, what, WARNING, "find_package(Torch)", "TORCH_CUDA_ARCH_LIST")


def _fault(
    view: View,
    root: CMakeRoot,
    place: Place,
    what: str,
    severity: Severity,
    text: str,
    follows: str = "CUDAARCHS",
) -> Fault:
    aside = root.caller == "aside"
    also = "; only builds with CMake are concerned, setup.py does without" if aside else ""
    return Fault(
        severity=ADVICE if aside else severity,
        subject=place.path,
        message=f"{place.path} {what}; {listed(targets(view))} is to be served{also}.",
        evidence=(at(view, place.path, place.line, text),),
        payload=CMakeGpuAsked(place.path, place.line, follows, root.path),
    )

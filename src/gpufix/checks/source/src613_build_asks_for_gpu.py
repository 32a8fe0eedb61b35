"""SRC613."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.checks.source import gpu_cmake
from gpufix.evidence.arch_lists import listed, targets, vendor
from gpufix.evidence.builds import builds_of, setup_runs
from gpufix.evidence.cargo_features import FeatureOff, features_off
from gpufix.evidence.gpu_build import (
    Lost,
    SetupSwitch,
    for_amd_alone,
    lost,
    lost_in_image,
    lost_to_cuda,
    lost_to_rocm,
    sees_none,
    switched_off,
)
from gpufix.evidence.script_words import unexported, unexported_in_images
from gpufix.evidence.source_view import at, for_tests, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.model.source_payload import (
    CargoFeature,
    GpuAsked,
    PlainSetting,
    ProjectFile,
    SwitchedBuild,
)
from gpufix.source.builds.run import Ending, Place


@rule("SRC613", "build-asks-for-gpu")
def build_asks_for_gpu(view: View) -> Iterator[Fault]:
    """A build file asks for a visible GPU, or for CUDA, and without it stops or leaves GPU code out.

    ## What it does
    Follows each setup.py without running it, once on this machine, where no GPU is visible, and once
    with the targets visible, and compares what it would compile. Follows CMake builds in the same
    way: `CMAKE_CUDA_ARCHITECTURES native`, architectures that are left to torch's CMake files, and an
    option that is off, and by which CUDA is a language of the build, its toolkit is found, or a file named after
    CUDA or GPUs is read. What only a Dockerfile gives to cmake is not given to a build by hand.
    Lines of scripts and Dockerfiles that set a variable of it without exporting it are named:
    `FORCE_CUDA=1 && pip install .`; such a line of a Dockerfile is a finding of its own where a GPU is
    visible here, since none is while an image is built. With a torch for ROCm it is followed with one for
    CUDA as well: what has GPU code only for CUDA is named. With a torch for CUDA, one that ends there and
    not with a torch for ROCm is named, and one that starts hipcc and compiles nothing for NVIDIA's; with one for ROCm, a CMake build that enables CUDA and not HIP.
    One that builds extensions, or GPU code, only with a variable or an argument of its own is named with it: `BUILD_EXT=1`,
    and with a value that it compares the variable with: `VARIANT=cuda`. So is a value of CMake's (`BACKEND STREQUAL CUDA`),
    and the variable by which setup.py hands it to cmake. What a script for CI gives to cmake is not given to a build by pip.
    Of a Rust crate that maturin builds, the feature `cuda` (for AMD GPUs `rocm`, `hip`) is named where neither its
    defaults nor pyproject.toml take it.

    ## Why it matters
    In a container build, on a login node or a CI runner no GPU is visible. The build stops, or ends
    well and installs a package for the CPU only; the first call fails with `Not compiled with GPU
    support`.

    ## Example
    `setup.py builds lap without its GPU code where torch sees no GPU; sm_90 is to be served.`

    ## Severity
    Error where the build stops; warning where it leaves code out, for architectures that are left to
    torch, and for `native` with a cmake that leaves the choice to nvcc. Advice for a CMake file beside a setup.py that does without it, and
    for an option, a variable, an argument or a feature that is off, or another value by default.

    ## Fix
    Safe: set the variable that forces the GPU build, or that names the architectures, where the file
    reads one; one that reads none and asks `torch.cuda.is_available()` is made to read FORCE_CUDA as
    well; a CMake file that reads none is made to follow CUDAARCHS. Manual: the option of
    its command line, or of cmake's, that does, and the variable or argument without which nothing is built, or the crate's feature. A Dockerfile's line is made to export the variable. None for code that a
    project has only for CUDA.

    ## Source
    torch.cuda.is_available(), torch.cuda.get_device_capability(); setup.py itself; cmake 3.25 to 4.4;
    torch's select_compute_arch.cmake; maturin.rs/config.html.
    """
    yield from gpu_cmake.faults(view)
    if targets(view):
        yield from (_of_crate(view, off) for off in features_off(view, vendor(view)))
    unseen = sees_none(view)
    if not unseen:
        yield from _in_images(view)
    for path in _setups(view):
        if unseen and (found := lost(view, path)) is not None:
            yield _fault(view, path, found)
        elif not targets(view):
            continue
        elif (found := lost_to_rocm(view, path)) is not None:
            yield _for_other_torch(view, path, found, "ROCm")
        elif (found := lost_to_cuda(view, path)) is not None:
            yield _for_other_torch(view, path, found, "CUDA")
        elif (place := for_amd_alone(view, path)) is not None:
            yield _for_amd(view, path, place)
        elif python_files(view)[path].extension and (switch := switched_off(view, path)):
            yield _switched(view, path, switch)


def _setups(view: View) -> Iterator[str]:
    """The project's own, those of its tests aside."""
    for path, _ in setup_runs(view):
        if not for_tests(path) and not is_vendored(path):
            yield path


def _in_images(view: View) -> Iterator[Fault]:
    """What Dockerfiles build without the GPU code that this machine's build has."""
    if not targets(view):
        return
    told: set[tuple[str, int, str]] = set()
    for path in _setups(view):
        for row in unexported_in_images(view, _read_by(view, path, gpu=False)):
            if row not in told and lost_in_image(view, path, row[2]) is not None:
                told.add(row)
                yield _of_image(view, path, *row)


def _of_image(view: View, path: str, where: str, line: int, name: str) -> Fault:
    return Fault(
        severity=WARNING,
        subject=where,
        message=f"{where} sets {name} for its shell only, and {path} does not see it: where the image is "
        f"built no GPU is visible, and GPU code is left out.",
        evidence=(at(view, where, line, f"{name}, not exported: no program sees it"),),
        payload=PlainSetting(where, line, name),
    )


def _read_by(view: View, path: str, **changes: Any) -> frozenset[str]:
    """The variables that a setup.py asks for. changes: of the world."""
    asked = builds_of(view).run(path, **changes).asked
    return frozenset(q.subject for q in asked if q.kind == "variable")


def _fault(view: View, path: str, found: Lost) -> Fault:
    served = f"{listed(targets(view))} is to be served"
    if found.stops is not None:
        what = f"stops where torch sees no GPU ({_said(found.stops)})"
        text = found.stops.error
    elif found.names:
        what = f"builds {', '.join(found.names)} without its GPU code where torch sees no GPU"
        text = "asks for a visible GPU"
    else:
        shown = ", ".join(found.sources[:3]) + (" …" if len(found.sources) > 3 else "")
        what = f"leaves {shown} out where torch sees no GPU"
        text = "asks for a visible GPU"
    return Fault(
        severity=ERROR if found.stops is not None else WARNING,
        subject=path,
        message=f"{path} {what}; {served}.",
        evidence=(
            at(view, found.place.path, found.place.line, text),
            *(
                at(view, where, line, f"{name}, not exported: no program sees it")
                for where, line, name in unexported(view, _read_by(view, path))
            ),
        ),
        payload=GpuAsked(path),
    )


def _for_amd(view: View, path: str, place: Place) -> Fault:
    return Fault(
        severity=WARNING,
        subject=path,
        message=f"{path} compiles with hipcc, for AMD GPUs only; {listed(targets(view))} is to be served.",
        evidence=(at(view, place.path, place.line, "starts hipcc"),),
        payload=ProjectFile(path),
    )


def _switched(view: View, path: str, switch: SetupSwitch) -> Fault:
    question, value = switch.question, switch.value
    when = f"{question.subject} is {value}" if value else f"it is called with {question.subject}"
    what = "extension" if switch.nothing else "GPU code"
    return Fault(
        severity=ADVICE,
        subject=path,
        message=f"{path} builds no {what} unless {when}; {listed(targets(view))} is to be served.",
        evidence=(
            at(view, question.place.path, question.place.line, f"asks for {question.subject}"),
        ),
        payload=SwitchedBuild(path, question.subject, value),
    )


def _of_crate(view: View, off: FeatureOff) -> Fault:
    return Fault(
        severity=ADVICE,
        subject=off.path,
        message=f"{off.path} has the feature {off.name}, and pip builds it without; "
        f"{listed(targets(view))} is to be served.",
        evidence=(at(view, off.path, off.line, f"{off.name} is no default"),),
        payload=CargoFeature(off.path, (*off.taken, off.name)),
    )


def _said(end: Ending) -> str:
    message = f": {end.message}" if end.message else ""
    return f"{end.error}{message[:160]}"


def _for_other_torch(view: View, path: str, found: Lost, here: str) -> Fault:
    """here: what the installed torch is built for."""
    if found.stops is not None:
        what = f"stops where torch is built for {here} ({_said(found.stops)})"
        text = found.stops.error
    else:
        what = f"builds {', '.join(found.names)} with GPU code only where torch is built for CUDA"
        text = "what a torch for CUDA gets"
    return Fault(
        severity=ERROR if found.stops is not None else WARNING,
        subject=path,
        message=f"{path} {what}; {listed(targets(view))} is to be served.",
        evidence=(at(view, found.place.path, found.place.line, text),),
        payload=ProjectFile(path),
    )

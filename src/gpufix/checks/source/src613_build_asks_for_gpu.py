"""SRC613."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.checks.source import gpu_cmake
from gpufix.evidence.arch_lists import listed, targets
from gpufix.evidence.builds import builds_of, setup_runs
from gpufix.evidence.gpu_build import Lost, lost, sees_none
from gpufix.evidence.scripts import unexported
from gpufix.evidence.source_view import at, for_tests, is_vendored
from gpufix.evidence.view import View
from gpufix.model.source_payload import GpuAsked


@rule("SRC613", "build-asks-for-gpu")
def build_asks_for_gpu(view: View) -> Iterator[Fault]:
    """A build file asks for the visible GPU, and without one it stops, or leaves GPU code out.

    ## What it does
    Follows each setup.py without running it, once on this machine, where no GPU is visible, and once
    with the targets visible, and compares what it would compile. Follows CMake builds in the same
    way: `CMAKE_CUDA_ARCHITECTURES native`, and architectures that are left to torch's CMake files.
    Lines of scripts and Dockerfiles that set a variable of it without exporting it are named:
    `FORCE_CUDA=1 && pip install .`

    ## Why it matters
    In a container build, on a login node or a CI runner no GPU is visible. The build stops, or ends
    well and installs a package for the CPU alone; the first call fails with `Not compiled with GPU
    support`.

    ## Example
    `setup.py builds lap without its GPU code where torch sees no GPU; sm_90 is to be served.`

    ## Severity
    Error where the build stops; warning where it leaves code out, for architectures that are left to
    torch, and for `native` with a cmake that leaves the choice to nvcc. Advice for a CMake file beside a setup.py that does without it.

    ## Fix
    Safe: set the variable that forces the GPU build, or that names the architectures, where the file
    reads one; a CMake file that reads none is made to follow CUDAARCHS. Manual: the option of
    its command line that does.

    ## Source
    torch.cuda.is_available(), torch.cuda.get_device_capability(); setup.py itself; cmake 3.25 to 4.4;
    torch's select_compute_arch.cmake.
    """
    yield from gpu_cmake.faults(view)
    if not sees_none(view):
        return
    for path, _ in setup_runs(view):
        if for_tests(path) or is_vendored(path):
            continue
        found = lost(view, path)
        if found is not None:
            yield _fault(view, path, found)


def _read_by(view: View, path: str) -> frozenset[str]:
    """The variables that a setup.py asks for."""
    asked = builds_of(view).run(path).asked
    return frozenset(q.subject for q in asked if q.kind == "variable")


def _fault(view: View, path: str, found: Lost) -> Fault:
    served = f"{listed(targets(view))} is to be served"
    if found.stops is not None:
        said = f": {found.stops.message}" if found.stops.message else ""
        what = f"stops where torch sees no GPU ({found.stops.error}{said[:160]})"
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

"""WHL511."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence.gpu_code import (
    SubjectCode,
    driver_cuda,
    label,
    listed,
    targets_of_code,
    unserved,
)
from gpufix.evidence.variants import Build, builds
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least, numbers
from gpufix.model import Severity
from gpufix.model.payload import UnfitVariant


@rule("WHL511", "variant-unfit")
def variant_unfit(view: View) -> Iterator[Fault]:
    """A wheel variant, or a build of conda's, is for another machine.

    ## What it does
    Reads `variant.json` of variant wheels (PEP 825, a draft): the least CUDA of the driver
    (`nvidia :: cuda_version_lower_bound`) and the architectures (`nvidia :: sm_arch`,
    `amd :: gfx_arch`); and conda's build strings (`cuda130_…`, `cpu_…`) with the `__cuda` that a
    package depends on. They are compared with the driver and the targets. Other namespaces have
    rules of their own, and are not judged. torch is judged by its own files (GPU101, GPU105, TCH201),
    and so is a package whose GPU code was read (GPU103).

    ## Why it matters
    The build was chosen on another machine, or for the driver of another day: CUDA of a newer major
    fails at its first call (`CUDA driver version is insufficient for CUDA runtime version`), and a
    CPU build finds no GPU.

    ## Example
    `jaxlib 0.9.0 is conda's build cuda130py311h7d4a5e3_200, for CUDA 13.0; the driver here serves CUDA 12.8.`

    ## Severity
    Error for CUDA of a newer major than the driver's; warning for code that no target runs, as the
    variant says; advice for a newer minor, for a GPU beside one that is served, and for a CPU build:
    it may be meant.

    ## Fix
    Unsafe: have the installer choose again, on this machine. Manual: for conda, the build that fits.

    ## Source
    PEP 825 (peps/pep-0825.rst); nvidia_variant_provider/plugin.py of nvidia-variant-provider
    (ffea5d3) and the provider of amd-variant-provider (4d985a9); build strings of conda-forge's
    feedstocks of pytorch-cpu, jaxlib, tensorflow and xgboost.
    """
    for build in builds(view):
        yield from _newer_cuda(view, build)
        yield from _other_gpus(view, build)
        yield from _for_the_cpu(view, build)


def _newer_cuda(view: View, build: Build) -> Iterator[Fault]:
    driver = driver_cuda(view)
    if build.cuda is None or driver is None or at_least(driver, build.cuda):
        return
    newer = numbers(build.cuda)[0] > numbers(driver)[0]
    what = f"{build.what}, for CUDA {build.cuda}; the driver here serves CUDA {driver}."
    fits = f"cuda{numbers(driver)[0]}*"
    yield _fault(build, ERROR if newer else ADVICE, what, fits, needs=("driver",))


def _other_gpus(view: View, build: Build) -> Iterator[Fault]:
    if not build.code or any(
        library.distribution == build.name and library.code
        for library in view.facts.binaries.libraries
    ):
        return
    code = SubjectCode(build.name, build.code)
    for target, severity in unserved(code, targets_of_code(view, code) or view.targets):
        what = f"{build.what}, with {listed(build.code)}; none of it runs on {label(target)}."
        yield _fault(build, WARNING if severity is ERROR else ADVICE, what)


def _for_the_cpu(view: View, build: Build) -> Iterator[Fault]:
    target = next((t for t in view.targets if t.vendor == "nvidia"), None)
    if build.cpu and target is not None:
        what = f"{build.what}, for the CPU; {label(target)} needs one for CUDA."
        yield _fault(build, ADVICE, what, "cuda*")


def _fault(
    build: Build, severity: Severity, message: str, fits: str = "", needs: tuple[str, ...] = ()
) -> Fault:
    return Fault(
        severity=severity,
        subject=build.name,
        message=message,
        evidence=(build.where,) if build.where else (),
        needs=needs,
        payload=UnfitVariant(build.name, build.version, fits if build.conda else None),
    )

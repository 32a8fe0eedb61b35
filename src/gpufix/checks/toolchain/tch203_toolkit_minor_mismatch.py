"""TCH203."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.building import cuda_build, describe, same_major
from gpufix.evidence.view import View
from gpufix.knowledge import cuda
from gpufix.knowledge.data_table import at_least, minor


@rule("TCH203", "toolkit-minor-mismatch")
def toolkit_minor_mismatch(view: View) -> Iterator[Fault]:
    """The CUDA toolkit that a build would use is of another minor version than torch's CUDA.

    ## What it does
    Compares minor versions, and the toolkit's PTX version with what the driver compiles.

    ## Why it matters
    cpp_extension only warns, and machine code runs. PTX is the exception: a driver compiles no
    PTX newer than its own CUDA (error 222), so a build for a later GPU must hold machine code.

    ## Example
    `A build would use CUDA 12.9 in /usr/local/cuda-12.9 (from CUDA_HOME); torch 2.9.0+cu128 is
    built for CUDA 12.8. That is allowed.`

    ## Severity
    Advice.

    ## Fix
    None: nothing is broken.

    ## Source
    torch/utils/cpp_extension.py; docs.nvidia.com/deploy/cuda-compatibility (minor versions).
    """
    build = cuda_build(view)
    if build is None or not same_major(build.version, build.cuda):
        return  # TCH202
    if minor(build.version) == minor(build.cuda):
        return
    yield Fault(
        severity=ADVICE,
        subject=build.toolkit.root,
        message=f"A build would use {describe(build.toolkit)}; torch {build.torch.version} is built "
        f"for CUDA {build.cuda}. That is allowed{_ptx(view, build.version)}.",
        needs=("toolkit",),
    )


def _ptx(view: View, version: str) -> str:
    served = next((d.cuda for d in view.facts.drivers if d.vendor == "nvidia" and d.cuda), None)
    toolkit = cuda.get(version)
    if served is None or toolkit is None or at_least(served, toolkit.version):
        return ""
    return (
        f", but the driver (CUDA {served}) compiles no PTX of version {toolkit.ptx}: what is "
        "built here needs machine code for each GPU"
    )

"""TCH203."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.building import builds, cuda_torch, describe, same_major, toolkit_in_use
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
    torch, toolkit = cuda_torch(view), toolkit_in_use(view)
    if not builds(view) or torch is None or toolkit is None or not toolkit.version:
        return
    if torch.cuda is None or not same_major(toolkit.version, torch.cuda):
        return  # TCH202
    if minor(toolkit.version) == minor(torch.cuda):
        return
    yield Fault(
        severity=ADVICE,
        subject=toolkit.root,
        message=f"A build would use {describe(toolkit)}; torch {torch.version} is built for CUDA "
        f"{torch.cuda}. That is allowed{_ptx(view, toolkit.version)}.",
        needs=("toolkit",),
    )


def _ptx(view: View, version: str) -> str:
    driver = next((d for d in view.facts.drivers if d.vendor == "nvidia" and d.cuda), None)
    toolkit = cuda.get(version)
    if driver is None or driver.cuda is None or toolkit is None:
        return ""
    if at_least(driver.cuda, toolkit.version):
        return ""
    return (
        f", but the driver (CUDA {driver.cuda}) compiles no PTX of version {toolkit.ptx}: what is "
        "built here needs machine code for each GPU"
    )

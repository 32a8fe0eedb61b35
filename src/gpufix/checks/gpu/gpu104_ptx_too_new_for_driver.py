"""GPU104."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.gpu_code import (
    Service,
    SubjectCode,
    all_code,
    driver_cuda,
    label,
    ptx_for,
    targets_of_code,
    unserved,
)
from gpufix.evidence.view import View
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.knowledge.gpus.serves import cuda_of_ptx, parse_version
from gpufix.model import Target
from gpufix.model.payload import UnreadPtx


@rule("GPU104", "ptx-too-new-for-driver")
def ptx_too_new_for_driver(view: View) -> Iterator[Fault]:
    """Only PTX serves a target, and it is newer than the driver's compiler.

    ## What it does
    Compares the PTX ISA version in torch's and the extensions' code with the CUDA version that the
    driver serves, where no machine code fits.

    ## Why it matters
    `the provided PTX was compiled with an unsupported toolchain` (error 222). Minor-version
    compatibility covers machine code, never PTX.

    ## Example
    `my-extension serves sm_120 (NVIDIA GeForce RTX 5080) by PTX 9.2 only, which needs a driver of
    CUDA 13.2; this one serves CUDA 13.0.`

    ## Severity
    Error; advice for a GPU beside another one that is served. Silent when no NVIDIA GPU is here.

    ## Fix
    Safe: rebuild with machine code for the target. Unsafe: a fallback in the extension's place.
    Manual: a newer driver.

    ## Source
    docs.nvidia.com/deploy/cuda-compatibility; NVIDIA/nvbandwidth#61.
    """
    cuda = driver_cuda(view)
    for code in all_code(view):
        targets = targets_of_code(view, code)
        for target, severity in unserved(code, targets, Service.too_new, cuda):
            isa = _oldest(code, target)
            first = cuda_of_ptx(parse_version(isa))
            needs = f"{first[0]}.{first[1]}" if first else None
            yield Fault(
                severity=severity,
                subject=code.subject,
                message=f"{code.subject} serves {label(target)} by PTX {isa} only, which "
                f"needs a driver of {f'CUDA {needs}' if needs else 'a CUDA not yet listed'}; this "
                f"one serves CUDA {cuda}.",
                evidence=code.evidence,
                needs=("driver",),
                breaks=(f"code:{code.subject}",),
                payload=UnreadPtx(code.subject, target.arch, needs),
            )


def _oldest(code: SubjectCode, target: Target) -> str:
    """The PTX ISA that the most drivers read, of what could serve the target."""
    device = parse_arch(target.arch)
    assert isinstance(device, CudaArch)  # unserved was asked about NVIDIA's
    return min((str(o.ptx_version) for o in ptx_for(code, device)), key=parse_version)

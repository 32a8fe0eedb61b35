"""GPU104."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.gpu_code import Service, driver_cuda, extensions, label, torch_code, unserved
from gpufix.evidence.view import View
from gpufix.knowledge.gpus.serves import cuda_of_ptx, parse_version
from gpufix.model.payload import UnfitCode


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
    `my-extension serves sm_120 (NVIDIA GeForce RTX 5080) by PTX 9.2 alone, which needs a driver of
    CUDA 13.2; this one serves CUDA 13.0.`

    ## Severity
    Error; advice for a GPU beside another one that is served. Silent when no NVIDIA GPU is here.

    ## Fix
    Safe: rebuild with machine code for the target. Manual: a newer driver.

    ## Source
    docs.nvidia.com/deploy/cuda-compatibility; NVIDIA/nvbandwidth#61.
    """
    cuda = driver_cuda(view)
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    if cuda is None:
        return
    code_of_torch = torch_code(view)
    for code in [*([code_of_torch] if code_of_torch else []), *extensions(view.facts)]:
        for target, severity in unserved(code, targets, Service.too_new, cuda):
            isa = max((o.ptx_version or "0.0" for o in code.of("ptx")), key=parse_version)
            needs = cuda_of_ptx(parse_version(isa))
            requirement = f"CUDA {needs[0]}.{needs[1]}" if needs else "a CUDA not yet listed"
            yield Fault(
                severity=severity,
                subject=code.subject,
                message=f"{code.subject} serves {label(target)} by PTX {isa} alone, which "
                f"needs a driver of {requirement}; this one serves CUDA {cuda}.",
                evidence=code.evidence,
                needs=("driver",),
                breaks=(f"code:{code.subject}",),
                payload=UnfitCode(code.subject, target.arch),
            )

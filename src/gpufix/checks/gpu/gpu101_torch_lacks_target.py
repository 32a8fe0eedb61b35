"""GPU101."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.gpu_code import (
    driver_cuda,
    label,
    listed,
    targets_of_torch,
    torch_code,
    unknown_code,
    unserved,
)
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import UnfitCode


@rule("GPU101", "torch-lacks-target")
def torch_lacks_target(view: View) -> Iterator[Fault | Gap]:
    """The installed torch holds neither machine code nor PTX that an NVIDIA target can use.

    ## What it does
    Reads the architectures out of torch's libraries (else the table of releases) and compares.
    Machine code serves its own major version at an equal or higher minor; PTX every later GPU.

    ## Why it matters
    torch warns at start (`is not compatible with the current PyTorch installation`), and the first
    kernel fails: `no kernel image is available for execution on the device`.

    ## Example
    `torch 2.9.0+cu126 holds machine code for sm_50, sm_60, sm_70, sm_75, sm_80, sm_86, sm_90;
    none of it runs on sm_120 (NVIDIA GeForce RTX 5080).`

    ## Severity
    Error; advice for a GPU beside another one that is served. AMD GPUs: GPU107.

    ## Fix
    Unsafe: install the torch build that serves the targets, this driver and this Python.

    ## Source
    NVIDIA's Blackwell compatibility guide 1.2; the wheels' own code.
    """
    targets = [t for t in targets_of_torch(view) if t.vendor == "nvidia"]
    torch, code = view.facts.torch, torch_code(view)
    if torch is None or not targets:
        return
    if code is None:
        yield unknown_code(view)
        return
    for target, severity in unserved(code, targets, driver_cuda=driver_cuda(view)):
        yield Fault(
            severity=severity,
            subject=target.arch,
            message=f"torch {torch.version} holds {listed(code.objects)}; none of it runs on "
            f"{label(target)}.",
            evidence=code.evidence,
            breaks=("torch-code",),
            payload=UnfitCode("torch", target.arch),
        )

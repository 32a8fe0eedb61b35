"""GPU103."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.gpu_code import (
    driver_cuda,
    extensions,
    label,
    listed,
    targets_of_code,
    unserved,
    variants_only,
)
from gpufix.evidence.view import View
from gpufix.model.payload import UnfitCode


@rule("GPU103", "extension-lacks-target")
def extension_lacks_target(view: View) -> Iterator[Fault]:
    """An installed extension holds no GPU code that runs on a target.

    ## What it does
    Reads machine code, PTX and AMD code objects out of the extension's libraries.

    ## Why it matters
    The import succeeds. The first launch fails (`no kernel image is available`, `invalid device
    function`), or an unchecked launch leaves its results unwritten, and an allocation of an absurd
    size follows.

    ## Example
    `diff-gaussian-rasterization holds machine code for sm_86, sm_90; none of it runs on sm_120
    (NVIDIA GeForce RTX 5080).`

    ## Severity
    Error; advice for a GPU beside another one that is served. A distribution counts as one: some
    of its libraries may be for other GPUs. Code for exact or family targets alone: GPU108.

    ## Fix
    Safe: rebuild it for the targets, when its source is known. Unsafe: a fallback in its place.

    ## Source
    The libraries themselves; NVIDIA's Blackwell compatibility guide 1.2; LLVM AMDGPUUsage.
    """
    for code in extensions(view.facts):
        if variants_only(code):
            continue
        targets = targets_of_code(view, code)
        for target, severity in unserved(code, targets, driver_cuda=driver_cuda(view)):
            yield Fault(
                severity=severity,
                subject=code.subject,
                message=f"{code.subject} holds {listed(code.objects)}; none of it runs on "
                f"{label(target)}.",
                evidence=code.evidence,
                breaks=(f"code:{code.subject}",),
                payload=UnfitCode(code.subject, target.arch),
            )

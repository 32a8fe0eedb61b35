"""TCH206."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.arch_lists import of_torch
from gpufix.evidence.building import builds, cuda_torch, describe, generates, toolkit_in_use
from gpufix.evidence.view import View
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge.data_table import minor
from gpufix.model import Target
from gpufix.model.payload import ToolkitInUse


@rule("TCH206", "nvcc-lacks-target")
def nvcc_lacks_target(view: View) -> Iterator[Fault]:
    """The nvcc that a build would use generates no code for a target.

    ## What it does
    Looks the toolkit's architectures up: it may be too old for a GPU, or have dropped it (CUDA 13
    starts at sm_75).

    ## Why it matters
    `nvcc fatal: Unsupported gpu architecture 'compute_120'`.

    ## Example
    `CUDA 12.6 in /usr/local/cuda (from /usr/local) generates no code for sm_120, which needs
    CUDA 12.8.`

    ## Severity
    Error; warning when it serves another target. Silent when the project has nothing to build,
    and when TORCH_CUDA_ARCH_LIST asks for PTX that the target can compile.

    ## Fix
    Safe: point CUDA_HOME at a toolkit here that knows it. Unsafe: toolkit wheels.

    ## Source
    `nvcc --list-gpu-arch` and ptxas of each toolkit from 11.7 on; CMake's table before.
    """
    torch, toolkit = cuda_torch(view), toolkit_in_use(view)
    if not builds(view) or torch is None or toolkit is None or not toolkit.version:
        return
    cuda = minor(toolkit.version)
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    lacking = [t for t in targets if generates(cuda, t.arch) is False and not _asked(view, t)]
    for target in lacking:
        yield Fault(
            severity=ERROR if len(lacking) == len(targets) else WARNING,
            subject=target.arch,
            message=f"{describe(toolkit)} generates no code for {target.arch}, {_history(target)}.",
            evidence=(f"nvcc: {toolkit.compiler}", f"target: {target.name or target.source}"),
            needs=("toolkit",),
            payload=ToolkitInUse("cuda", cuda),
        )


def _asked(view: View, target: Target) -> bool:
    """Whether the arch list in force leaves the target to PTX, which an old nvcc can write."""
    value = view.env("TORCH_CUDA_ARCH_LIST")
    torch = view.facts.torch
    if not value or torch is None or torch.release is None:
        return False
    archs = of_torch(value, torch.release)
    return not archs.bad and archs.serves(target)


def _history(target: Target) -> str:
    span = cuda_toolkits.first_and_last(target.arch)
    if span is None:
        return "which no listed CUDA knows"
    first, last = span
    return f"which CUDA {last} was the last to know" if last else f"which needs CUDA {first}"

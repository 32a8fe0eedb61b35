"""TCH206."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.arch_lists import of_torch
from gpufix.evidence.building import cuda_build, describe, generates, names_in_nvcc
from gpufix.evidence.targets import gravity
from gpufix.evidence.view import View
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge.data_table import minor
from gpufix.model import Target, Torch
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
    Error; warning for a visible GPU beside another one that it serves. Silent when the project has nothing to build,
    and when TORCH_CUDA_ARCH_LIST asks for PTX that the target can compile.

    ## Fix
    Safe: point CUDA_HOME at a toolkit here that knows it. Unsafe: toolkit wheels.

    ## Source
    `nvcc --list-gpu-arch` and ptxas of each toolkit from 11.7 on; CMake's table before.
    """
    build = cuda_build(view)
    if build is None:
        return
    cuda = minor(build.version)
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    refused = [t for t in targets if generates(cuda, t.arch) is False]
    lacking = [t for t in refused if not _asked(view, build.torch, t)]
    for target in lacking:
        yield Fault(
            severity=gravity(lacking, targets),
            subject=target.arch,
            message=f"{describe(build.toolkit)} generates no code for {target.arch}, {_history(target)}.",
            evidence=(f"nvcc: {build.toolkit.compiler}", f"target: {target.name or target.source}"),
            needs=("toolkit",),
            payload=ToolkitInUse("cuda", cuda),
        )


def _asked(view: View, torch: Torch, target: Target) -> bool:
    """Whether the arch list in force leaves the target to PTX, which an old nvcc can write."""
    value = view.env("TORCH_CUDA_ARCH_LIST")
    if not value or torch.release is None:
        return False
    archs = of_torch(value, torch.release)
    return not archs.bad and archs.serves(target)


def _history(target: Target) -> str:
    found = map(cuda_toolkits.first_and_last, names_in_nvcc(target.arch))
    spans = [span for span in found if span is not None]
    if not spans:
        return "which no listed CUDA knows"
    first, last = spans[0][0], spans[-1][1]
    return f"which CUDA {last} was the last to know" if last else f"which needs CUDA {first}"

"""SRC607."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence import cxx, hip_blocks
from gpufix.evidence.hip_blocks import handed
from gpufix.evidence.source_view import absolute, is_vendored
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import minor
from gpufix.model import Evidence, Severity
from gpufix.model.source_payload import ProjectFile


@rule("SRC607", "hip-intrinsics")
def hip_intrinsics(view: View) -> Iterator[Fault]:
    """A CUDA source has what HIP lacks, or what means something else on an AMD GPU.

    ## What it does
    When a target is an AMD GPU: lists, per file, warp functions with a mask, `__syncwarp`, 32-bit
    lane masks, cooperative-groups reductions, inline PTX, launches written `<< <`, and macros that
    replace a warp function by something weaker (`#define __syncwarp(...) __threadfence_block()`),
    headers and functions that hipify leaves and HIP lacks (`device_launch_parameters.h`, `__trap`,
    `__nanosleep`, `__dp4a`, `atomicAdd_block` …), for the installed ROCm version. Also what this ROCm
    compiles and does not mean as CUDA does: `cooperative_groups::reduce` before 10.0 where a kernel asks
    for a second dimension, `__reduce_or_sync` and its like before 7.13 for a mask that may have holes,
    `__ldcs` of anything but half types. For a wavefront of 64
    lanes also ballots that are kept or counted in 32 bits: on 32 lanes they are whole. What a HIP build leaves out is passed over: code
    by its conditions, sources that the build files name for CUDA only or not at all, and what
    includes CUTLASS.

    ## Why it matters
    The build for HIP ends in the middle; or it passes and, on a wavefront of 64 lanes, the upper
    half is lost.

    ## Example
    `forward.cu has 3 constructs that HIP does not compile for gfx1101: launch chevrons with a
    space, __shfl_down_sync (ROCm 6.4).`

    ## Severity
    Error when something does not compile; warning when it may mean something else, when the build
    file knows of HIP and may have its ways, and when no build file names any source.

    ## Fix
    Safe: chevrons joined, headers that HIP lacks left to CUDA where nothing of them is used, a
    compatibility header for warp functions and what HIP has under another name. It is offered only
    where nothing is left to do by hand. The rest is shown.

    ## Source
    `knowledge/hip.toml`, a row a name, held against HIP's headers of ROCm 5.2 to 6.2 and 7.1; its
    changelog up to 10.2; clang for gfx1030 and gfx90a with the headers of 5.2 and 7.1.
    """
    targets = hip_blocks.gfx_targets(view)
    if not targets:
        return
    reached = handed(view)
    for path, facts in cxx.hip_files(view).items():
        if path not in reached or is_vendored(path) or hip_blocks.hip_counterpart(view, path):
            continue
        found = hip_blocks.blocks(view, facts)
        if found:
            yield _fault(view, path, found, targets)


def _fault(
    view: View, path: str, found: Sequence[hip_blocks.Block], targets: Sequence[str]
) -> Fault:
    certain = [block for block in found if block.certain]
    names = ", ".join(dict.fromkeys(block.name for block in certain or found))
    rocm = hip_blocks.rocm_version(view)
    count = len(certain or found)
    what = "does not compile" if certain else "may refuse or read otherwise"
    some = "one construct" if count == 1 else f"{count} constructs"
    return Fault(
        severity=_severity(view, path, bool(certain)),
        subject=path,
        message=f"{path} has {some} that HIP {what} for {', '.join(targets)}: {names}"
        + (f" (ROCm {minor(rocm)})." if rocm else "."),
        evidence=tuple(
            Evidence(text=f"{b.name}: {b.reason}", path=absolute(view, path), line=b.line)
            for b in found
        ),
        payload=ProjectFile(path),
    )


def _severity(view: View, path: str, certain: bool) -> Severity:
    """Error for what a build that knows nothing of HIP would hand to hipify."""
    return ERROR if certain and handed(view)[path] else WARNING

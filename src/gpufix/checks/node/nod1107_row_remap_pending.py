"""NOD1107."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1107", "row-remap-pending")
def row_remap_pending(view: View) -> Iterator[Fault | Gap]:
    """A faulty row of a GPU's memory is replaced only by the next reset.

    ## What it does
    Reads the pending flag of row remapping.

    ## Why it matters
    The row stays out of use until then. NVIDIA: programs that run are not affected, and the GPU
    should be reset at the next chance.

    ## Example
    `GPU 1: a row of its memory waits for a reset to be remapped.`

    ## Severity
    Warning. gcm, Azure and NVSentinel take such a GPU out of service; NVIDIA's document lets work
    go on.

    ## Fix
    Manual: a reset of the GPU.

    ## Source
    https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/error-recovery-and-response-flags.html;
    facebookresearch/gcm row_remap_pending; Azure NHC2007.
    """
    for gpu in known(view, "remap_pending"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.remap_pending:
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: a row of its memory waits for a reset to be remapped.",
                payload=NodeFault("reset", gpu=gpu.index),
            )

"""NOD1110."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1110", "retired-pages-pending")
def retired_pages_pending(view: View) -> Iterator[Fault | Gap]:
    """A faulty page of a GPU's memory is retired only by the next reset (GPUs before Ampere).

    ## What it does
    Reads the pending flag of page retirement.

    ## Why it matters
    The page is still in use until then.

    ## Example
    `GPU 2: a page of its memory waits for a reset to be retired.`

    ## Severity
    Warning.

    ## Fix
    Manual: a reset of the GPU.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) DCGM_FR_PENDING_PAGE_RETIREMENTS (warn); facebookresearch/gcm
    gpu_retired_pages (critical).
    """
    for gpu in known(view, "retired_pending"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.retired_pending:
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: a page of its memory waits for a reset to be retired.",
                payload=NodeFault("reset", gpu=gpu.index),
            )

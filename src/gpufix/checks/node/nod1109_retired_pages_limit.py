"""NOD1109."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1109", "retired-pages-limit")
def retired_pages_limit(view: View) -> Iterator[Fault | Gap]:
    """Many pages of a GPU's memory are retired (GPUs before Ampere).

    ## What it does
    Counts retired pages: 63 of both causes, or more than 10 of one.

    ## Why it matters
    The table holds 64 pages. When it is full, the next error is not retired.

    ## Example
    `GPU 0: 63 pages of its memory are retired (41 for single-bit, 22 for double-bit errors).`

    ## Severity
    Error from 63 pages on, DCGM's limit; warning for more than 10 of a cause, gcm's.

    ## Fix
    Manual: NVIDIA's field diagnostic.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) common/DcgmGPUHardwareLimits.h DCGM_LIMIT_MAX_RETIRED_PAGES;
    facebookresearch/gcm gpu_retired_pages.
    """
    for gpu in known(view, "retired_single", "retired_double"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        single, double = gpu.retired_single or 0, gpu.retired_double or 0
        full = limit("retired_pages").reached(single + double)
        if full or limit("retired_pages_of_a_cause").reached(max(single, double)):
            yield Fault(
                severity=ERROR if full else WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: {single + double} pages of its memory are retired ({single} for "
                f"single-bit, {double} for double-bit errors).",
                payload=NodeFault("examine", gpu=gpu.index),
            )

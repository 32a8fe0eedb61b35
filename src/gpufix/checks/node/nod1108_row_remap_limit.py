"""NOD1108."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NOD1108", "row-remap-limit")
def row_remap_limit(view: View) -> Iterator[Fault | Gap]:
    """So many rows of a GPU's memory were replaced that it should be examined.

    ## What it does
    Counts rows remapped for uncorrectable errors: 512 or more.

    ## Why it matters
    A healthy GPU has few. At 512 DCGM takes the GPU for bad.

    ## Example
    `GPU 0: 512 rows of its memory are remapped for uncorrectable errors.`

    ## Severity
    Warning.

    ## Fix
    Manual: NVIDIA's field diagnostic.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) common/DcgmGPUHardwareLimits.h
    DCGM_LIMIT_MAX_ROW_REMAP_UNCORRECTABLE.
    """
    for gpu in known(view, "remapped"):
        if isinstance(gpu, Gap):
            yield gpu
        elif limit("remapped_rows").reached(gpu.remapped or 0):
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: {counted(gpu.remapped or 0, 'row')} of its memory are remapped for "
                "uncorrectable errors.",
                payload=NodeFault("examine", gpu=gpu.index),
            )

"""NOD1112."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1112", "sram-threshold-exceeded")
def sram_threshold_exceeded(view: View) -> Iterator[Fault | Gap]:
    """A GPU's SRAM had more errors than NVIDIA allows.

    ## What it does
    Reads NVIDIA's own flag: no number is guessed. It needs Ampere or newer.

    ## Why it matters
    NVIDIA sets the flag where the GPU is to be examined and replaced.

    ## Example
    `GPU 6: its SRAM errors exceed NVIDIA's limit.`

    ## Severity
    Error.

    ## Fix
    Manual: NVIDIA's field diagnostic.

    ## Source
    https://docs.nvidia.com/deploy/nvml-api/api/structnvmlEccSramErrorStatus__v1__t.html
    (bThresholdExceeded).
    """
    for gpu in known(view, "sram_threshold"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.sram_threshold:
            yield Fault(
                severity=ERROR,
                subject=label(gpu),
                message=f"{label(gpu)}: its SRAM errors exceed NVIDIA's limit.",
                payload=NodeFault("examine", gpu=gpu.index),
            )

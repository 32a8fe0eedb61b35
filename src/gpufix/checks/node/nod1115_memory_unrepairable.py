"""NOD1115."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1115", "memory-unrepairable")
def memory_unrepairable(view: View) -> Iterator[Fault | Gap]:
    """A GPU's memory can no longer be repaired.

    ## What it does
    Reads the driver's flag of unrepairable memory.

    ## Why it matters
    Neither remapping nor a reset helps: the GPU is to be replaced.

    ## Example
    `GPU 7: its memory can no longer be repaired.`

    ## Severity
    Error.

    ## Fix
    Manual: NVIDIA's field diagnostic.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) DCGM_FR_FAULTY_MEMORY; nvml.h:
    nvmlDeviceGetUnrepairableMemoryFlag_v1.
    """
    for gpu in known(view, "unrepairable"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.unrepairable:
            yield Fault(
                severity=ERROR,
                subject=label(gpu),
                message=f"{label(gpu)}: its memory can no longer be repaired.",
                payload=NodeFault("examine", gpu=gpu.index),
            )

"""NOD1130."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.node_readings import known, numbered
from gpufix.evidence.view import View
from gpufix.model import Gap, NodeGpu
from gpufix.model.payload import NodeFault


@rule("NOD1130", "persistence-off")
def persistence_off(view: View) -> Iterator[Fault | Gap]:
    """A GPU is shut down whenever no program uses it.

    ## What it does
    Reads the persistence mode.

    ## Why it matters
    Each first program waits seconds for the GPU to start, and settings and counters are lost in
    between.

    ## Example
    `GPUs 0-7: persistence mode is off.`

    ## Severity
    Advice.

    ## Fix
    Manual: nvidia-persistenced.

    ## Source
    NVIDIA's Driver Persistence guide; NVIDIA/NVSentinel dcgmerrorsmapping.csv @b6180c37
    (DCGM_FR_PERSISTENCE_MODE).
    """
    off: list[NodeGpu] = []
    for gpu in known(view, "persistence"):
        if isinstance(gpu, Gap):
            yield gpu
        elif not gpu.persistence:
            off.append(gpu)
    if off:
        yield Fault(
            severity=ADVICE,
            subject=numbered(off),
            message=f"{numbered(off)}: persistence mode is off.",
            payload=NodeFault("persistence"),
        )

"""NOD1111."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NOD1111", "ecc-uncorrected")
def ecc_uncorrected(view: View) -> Iterator[Fault | Gap]:
    """A GPU had memory errors that ECC could not correct.

    ## What it does
    Counts uncorrected errors since the driver was loaded: more than 0. Totals of the GPU's whole
    life never go back to 0, and are not judged.

    ## Why it matters
    Data were lost, and the program that used them ended. Until a reset the faulty cells can be used
    again.

    ## Example
    `GPU 4: 2 uncorrected memory errors since the driver was loaded.`

    ## Severity
    Error, as DCGM and gcm have it.

    ## Fix
    Manual: no new work, then a reset.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) modules/health/DcgmHealthWatch.cpp MonitorMemVolatileDbes (fail
    above 0); facebookresearch/gcm ecc_uncorrected_volatile_total (default 0).
    """
    for gpu in known(view, "ecc_uncorrected"):
        if isinstance(gpu, Gap):
            yield gpu
        elif limit("ecc_uncorrected").reached(gpu.ecc_uncorrected or 0):
            yield Fault(
                severity=ERROR,
                subject=label(gpu),
                message=f"{label(gpu)}: {counted(gpu.ecc_uncorrected or 0, 'uncorrected memory error')} "
                "since the driver was loaded.",
                payload=NodeFault("reset", gpu=gpu.index),
            )

"""NOD1133."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1133", "inforom-corrupt")
def inforom_corrupt(view: View) -> Iterator[Fault | Gap]:
    """A GPU's InfoROM is corrupt.

    ## What it does
    Has NVML check the InfoROM.

    ## Why it matters
    It holds the GPU's configuration and its record of errors: what is counted there is lost.

    ## Example
    `GPU 0: its InfoROM is corrupt.`

    ## Severity
    Warning.

    ## Fix
    Manual: a reset, then the vendor's tool.

    ## Source
    nvml.h: nvmlDeviceValidateInforom, NVML_ERROR_CORRUPTED_INFOROM (14); NVIDIA/DCGM v4.6.0
    (72fa3fe) DCGM_FR_CORRUPT_INFOROM.
    """
    for gpu in known(view, "inforom_valid"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.inforom_valid is False:
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: its InfoROM is corrupt.",
                payload=NodeFault("examine", gpu=gpu.index),
            )

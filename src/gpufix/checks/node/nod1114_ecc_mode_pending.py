"""NOD1114."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import awaiting_reset, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1114", "ecc-mode-pending")
def ecc_mode_pending(view: View) -> Iterator[Fault | Gap]:
    """ECC is to be turned on or off, and waits for a reset.

    ## What it does
    Compares the ECC mode with the one after the next reset.

    ## Why it matters
    What somebody has set is not yet so. ECC that is off on purpose is no fault.

    ## Example
    `GPU 0: ECC is off, and on after the next reset.`

    ## Severity
    Warning.

    ## Fix
    Manual: a reset of the GPU.

    ## Source
    nvml.h: nvmlDeviceGetEccMode; NVIDIA/NVSentinel dcgmerrorsmapping.csv @b6180c37
    (DCGM_FR_ECC_PENDING).
    """
    for found in awaiting_reset(view, "ecc"):
        if isinstance(found, Gap):
            yield found
            continue
        gpu, words = found
        yield Fault(
            severity=WARNING,
            subject=label(gpu),
            message=f"{label(gpu)}: {words}.",
            payload=NodeFault("mode-pending", gpu=gpu.index),
        )

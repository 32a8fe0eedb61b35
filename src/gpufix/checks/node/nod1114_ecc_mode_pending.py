"""NOD1114."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.node import awaiting_reset
from gpufix.checks.registry import Fault, rule
from gpufix.evidence.view import View
from gpufix.model import Gap


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
    yield from awaiting_reset.faults(view, "ecc")

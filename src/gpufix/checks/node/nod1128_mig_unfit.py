"""NOD1128."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.node import awaiting_reset
from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1128", "mig-unfit")
def mig_unfit(view: View) -> Iterator[Fault | Gap]:
    """A GPU in MIG mode offers no device, or its mode waits for a reset.

    ## What it does
    Compares the MIG mode with the one after the next reset, and counts MIG devices.

    ## Why it matters
    A GPU in MIG mode without an instance is none to CUDA: torch finds one device fewer.

    ## Example
    `GPU 0 is in MIG mode, and has no MIG device.`

    ## Severity
    Error without a device; warning for a mode that waits.

    ## Fix
    Manual: instances are made, or the mode is changed.

    ## Source
    NVIDIA's MIG User Guide: CUDA needs a compute instance; nvml.h: nvmlDeviceGetMigMode.
    """
    yield from awaiting_reset.faults(view, "mig")
    for gpu in known(view, "mig_current", "mig_instances"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.mig_current and not gpu.mig_instances:
            yield Fault(
                severity=ERROR,
                subject=label(gpu),
                message=f"{label(gpu)} is in MIG mode, and has no MIG device.",
                payload=NodeFault("mig-instances", gpu=gpu.index),
            )

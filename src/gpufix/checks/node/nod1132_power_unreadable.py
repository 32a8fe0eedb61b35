"""NOD1132."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1132", "power-unreadable")
def power_unreadable(view: View) -> Iterator[Fault | Gap]:
    """A GPU's power cannot be read.

    ## What it does
    Asks NVML for the power. A GPU that has no such sensor is no fault; one whose sensor fails is.

    ## Why it matters
    DCGM takes it for a sign that the GPU's management has failed.

    ## Example
    `GPU 5: its power cannot be read: Unknown Error.`

    ## Severity
    Warning.

    ## Fix
    Manual: a restart of the machine.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) modules/health/DcgmHealthWatch.cpp MonitorPower
    (DCGM_FR_POWER_UNREADABLE).
    """
    node = view.facts.node
    for gpu in (node.gpus or ()) if node else ():
        reason = gpu.unread.get("power")
        if gpu.vendor == "nvidia" and reason and not gpu.lost and not gpu.reset_required:
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: its power cannot be read: {reason}.",
                payload=NodeFault("reboot"),
            )
    for found in known(view, "power"):
        if isinstance(found, Gap):
            yield found

"""NOD1117."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_HARDWARE, _THERMAL, _BRAKE = 0x8, 0x40, 0x80


@rule("NOD1117", "power-slowdown")
def power_slowdown(view: View) -> Iterator[Fault | Gap]:
    """A GPU runs slower since its power supply says so.

    ## What it does
    Reads the reasons of lower clocks twice: the power brake, or a slowdown by the hardware that is
    not thermal.

    ## Why it matters
    A power supply or the board's own protection has halved its clocks, or worse.

    ## Example
    `GPU 0 runs slower: the power brake is on.`

    ## Severity
    Warning. The driver's power cap (0x4) is normal under load, and no fault.

    ## Fix
    Manual: power supplies, cables, the rack's budget.

    ## Source
    nvml.h: nvmlClocksEventReasonHwPowerBrakeSlowdown (0x80), HwSlowdown (0x8); leptonai/gpud
    4a8de33a hw-slowdown.
    """
    for gpu in known(view, "clock_events"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        events = gpu.clock_events or 0
        brake = bool(events & _BRAKE)
        if brake or (events & _HARDWARE and not events & _THERMAL):
            reason = "the power brake is on" if brake else "its hardware protects itself"
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)} runs slower: {reason}.",
                payload=NodeFault("supply", gpu=gpu.index),
            )

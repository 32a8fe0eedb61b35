"""NOD1117: power that lowers clocks."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1117_power_slowdown import power_slowdown
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model.payload import NodeFault


def fault(reason: str) -> Fault:
    return Fault(
        WARNING, "GPU 0", f"GPU 0 runs slower: {reason}.", payload=NodeFault("supply", gpu=0)
    )


SILENT = {
    **n.WELL,
    "an H200 under load: the power cap": View(n.recorded("h200_load")),
    "the driver's power cap": n.of(n.gpu(clock_events=0x4)),
    "hardware slows down for heat: another rule says so": n.of(n.gpu(clock_events=0x48)),
    "it cannot be read": Unseen(
        n.of(n.gpu(clock_events=None)), ["reasons of lower clocks of GPU 0"]
    ),
}

FIRING = {
    "the brake": Fires(
        n.of(n.gpu(clock_events=0x88)), fault("the power brake is on"), offers=n.OFFER
    ),
    "the brake, without the other bit": Fires(
        n.of(n.gpu(clock_events=0x80)), fault("the power brake is on"), offers=n.OFFER
    ),
    "hardware, without a reason": Fires(
        n.of(n.gpu(clock_events=0x8)), fault("its hardware protects itself"), offers=n.OFFER
    ),
}

test_silent, test_firing = rows(power_slowdown, SILENT, FIRING)

"""NOD1116: heat that lowers clocks."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1116_thermal_slowdown import thermal_slowdown
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model.payload import NodeFault


def fault(who: str, heat: str) -> Fault:
    return Fault(
        WARNING,
        "GPU 0",
        f"GPU 0 runs slower: it is too hot ({who}){heat}.",
        payload=NodeFault("supply", gpu=0),
    )


SILENT = {
    **n.WELL,
    "an H200 under load: the power cap": View(n.recorded("h200_load")),
    "traps of whole masks: idle and power cap, application clocks, sync boost, display": n.of(
        n.gpu(0, clock_events=0x5), n.gpu(1, clock_events=0x2), n.gpu(2, clock_events=0x110)
    ),
    "a brake is no heat": n.of(n.gpu(clock_events=0x88)),
    "it cannot be read": Unseen(
        n.of(n.gpu(clock_events=None)), ["reasons of lower clocks of GPU 0"]
    ),
}

FIRING = {
    "hardware": Fires(
        n.of(n.gpu(clock_events=0x48, temperature=91)), fault("hardware", ", 91 °C"), offers=n.OFFER
    ),
    "driver": Fires(n.of(n.gpu(clock_events=0x24)), fault("driver", ", 34 °C"), offers=n.OFFER),
    "both, and the temperature is not known": Fires(
        n.of(n.gpu(clock_events=0x60, temperature=None)),
        fault("hardware, driver", ""),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(thermal_slowdown, SILENT, FIRING)

"""NOD1118: temperatures at the slowdown's."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1118_temperature_high import temperature_high
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(subject: str, now: int, at: int) -> Fault:
    return Fault(
        WARNING,
        subject,
        f"{subject} has {now} °C; it slows down at {at} °C.",
        payload=NodeFault("supply", gpu=0),
    )


SILENT = {
    **n.WELL,
    "a degree under": n.of(n.gpu(temperature=86)),
    "a threshold of 0 is none": n.of(n.gpu(temperature_slowdown=0)),
    "the board names none": n.of(
        n.gpu(temperature_slowdown=None, unsupported=[*n.PAGES, "temperature_slowdown"])
    ),
    "it cannot be read": Unseen(n.of(n.gpu(temperature=None)), ["temperature of GPU 0"]),
}

FIRING = {
    "at it": Fires(n.of(n.gpu(temperature=87)), fault("GPU 0", 87, 87), offers=n.OFFER),
    "an AMD card": Fires(
        n.amd(n.amd_gpu(0, temperature=101)), fault("AMD GPU 0", 101, 100), offers=n.OFFER
    ),
}

test_silent, test_firing = rows(temperature_high, SILENT, FIRING)

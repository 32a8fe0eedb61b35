"""NOD1132: power that cannot be read."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1132_power_unreadable import power_unreadable
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "a board without a sensor": n.of(n.gpu(power=None, unsupported=[*n.PAGES, "power"])),
    "the GPU is lost: another rule says so": n.of(
        n.gpu(power=None, unread={"power": "GPU is lost"}, lost=True, error="GPU is lost")
    ),
    "NVML gave no list": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
    "nothing was recorded": Unseen(n.of(n.gpu(power=None)), ["power of GPU 0"]),
}

FIRING = {
    "the sensor fails": Fires(
        n.of(n.gpu(power=None, unread={"power": "Unknown Error"})),
        Fault(
            WARNING,
            "GPU 0",
            "GPU 0: its power cannot be read: Unknown Error.",
            payload=NodeFault("reboot"),
        ),
        offers=n.OFFER,
        gaps=["power of GPU 0"],
    ),
}

test_silent, test_firing = rows(power_unreadable, SILENT, FIRING)

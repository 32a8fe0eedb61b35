"""NET1211: the size of /dev/shm."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1211_shm_small import shm_small
from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault


def fault(severity: Severity, size: str) -> Fault:
    return Fault(
        severity,
        "/dev/shm",
        f"/dev/shm holds {size} MiB; 8 GB are enough.",
        payload=NodeFault("shm"),
    )


SILENT = {
    **n.WELL,
    "as much as is enough": n.without(n.healthy(), shm=8_000_000_000),
    "no GPU": n.having(node=n.node([], pci=[], shm=64 << 20)),
    "it cannot be read": Unseen(n.without(n.healthy(), shm=None), ["/dev/shm"]),
}

FIRING = {
    "Docker's": Fires(n.without(n.healthy(), shm=64 << 20), fault(WARNING, "64"), offers=n.OFFER),
    "one GPU": Fires(
        n.having(node=n.node([n.gpu(0)], shm=7_900_000_000)), fault(ADVICE, "7,534"), offers=n.OFFER
    ),
}

test_silent, test_firing = rows(shm_small, SILENT, FIRING)

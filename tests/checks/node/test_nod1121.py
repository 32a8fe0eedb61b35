"""NOD1121: replays of the PCIe link."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1121_pcie_replays import pcie_replays
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(found: str, allowed: int) -> Fault:
    return Fault(
        WARNING,
        "GPU 0",
        f"GPU 0: {found}; {allowed} are allowed a minute.",
        payload=NodeFault("slot"),
    )


SILENT = {
    **n.WELL,
    "a total of weeks": n.of(n.gpu(pcie_replays=40_000)),
    "as many as are allowed, now": n.of(n.gpu(risen={"pcie_replays": 31})),
    "the machine has just started": n.of(n.gpu(pcie_replays=31), uptime=5.0),
    "the time since the start is not known": Unseen(
        n.of(n.gpu(), uptime=None), ["time since the machine started"]
    ),
    "there was no second sample of this one": Unseen(
        n.of(n.gpu(risen={})), ["PCIe replays of GPU 0"]
    ),
    "there was no second sample": Unseen(
        n.of(n.gpu(risen=None)), ["a second sample of counters of GPU 0"]
    ),
}

FIRING = {
    "a mean over the limit": Fires(
        n.of(n.gpu(pcie_replays=500_000)),
        fault("35 PCIe replays a minute since the machine started", 31),
        offers=n.OFFER,
    ),
    "now": Fires(
        n.of(n.gpu(risen={"pcie_replays": 32})),
        fault("32 PCIe replays in 0.1 s", 31),
        offers=n.OFFER,
    ),
    "of generation 3, half as wide": Fires(
        n.of(n.gpu(risen={"pcie_replays": 5}, pcie_generation_max=3, pcie_width_max=8)),
        fault("5 PCIe replays in 0.1 s", 4),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(pcie_replays, SILENT, FIRING)

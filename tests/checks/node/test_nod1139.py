"""NOD1139: NUMA balancing below AMD GPUs."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1139_numa_balancing import numa_balancing
from gpufix.checks.registry import ADVICE, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "on, and no GPU of AMD": n.without(n.healthy(), numa_balancing=True),
    "one NUMA node": n.amd(numa_nodes=1, numa_balancing=True),
    "it cannot be read": Unseen(n.amd(numa_nodes=None, numa_balancing=True), ["NUMA nodes"]),
}

FIRING = {
    "on": Fires(
        n.amd(numa_balancing=True),
        Fault(
            ADVICE,
            "NUMA balancing",
            "Automatic NUMA balancing is on, on 2 NUMA nodes.",
            payload=NodeFault("numa-balancing"),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(numa_balancing, SILENT, FIRING)

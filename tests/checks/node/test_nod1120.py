"""NOD1120: the PCIe generation, under load."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1120_pcie_generation_reduced import pcie_generation_reduced
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "trap: a GPU at rest lowers it, which tells nothing": Unseen(
        n.of(n.gpu(pcie_generation=1, performance_state=8)), ["PCIe generation of GPU 0"]
    ),
    "in the fastest state, and without work": Unseen(
        n.of(n.gpu(pcie_generation=1)), ["PCIe generation of GPU 0"]
    ),
    "the highest, at rest": n.of(n.gpu(performance_state=8)),
    "a slot of an older generation": n.of(
        n.gpu(pcie_generation=4, pcie_generation_max=4, utilization=100)
    ),
    "it cannot be read": Unseen(n.of(n.gpu(utilization=None)), ["utilization of GPU 0"]),
}

FIRING = {
    "under load": Fires(
        n.of(n.gpu(pcie_generation=3, utilization=98)),
        Fault(
            WARNING,
            "GPU 0",
            "GPU 0 works, and its PCIe link is of generation 3 of 5.",
            payload=NodeFault("slot"),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(pcie_generation_reduced, SILENT, FIRING)

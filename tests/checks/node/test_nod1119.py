"""NOD1119: lanes of the PCIe link."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1119_pcie_width_reduced import pcie_width_reduced
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(subject: str) -> Fault:
    return Fault(
        WARNING, subject, f"{subject}: its PCIe link has 8 of 16 lanes.", payload=NodeFault("slot")
    )


SILENT = {
    **n.WELL,
    "a slot of eight lanes": n.of(n.gpu(pcie_width=8, pcie_width_max=8)),
    "a chip with one lane by design": n.of(n.gpu(pcie_width=1, pcie_width_max=1)),
    "a link without a width": n.of(n.gpu(pcie_width=0)),
    "it cannot be read": Unseen(n.of(n.gpu(pcie_width=None)), ["PCIe width of GPU 0"]),
}

FIRING = {
    "eight of sixteen": Fires(n.of(n.gpu(pcie_width=8)), fault("GPU 0"), offers=n.OFFER),
    "an AMD card": Fires(n.amd(n.amd_gpu(0, pcie_width=8)), fault("AMD GPU 0"), offers=n.OFFER),
}

test_silent, test_firing = rows(pcie_width_reduced, SILENT, FIRING)

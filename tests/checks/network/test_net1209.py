"""NET1209: an IOMMU that translates."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1209_iommu_translating import iommu_translating
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model.payload import NodeFault


def groups(*kinds: str | None, virtual: bool | None = False) -> View:
    buses = [n.pci(index, iommu=kind) for index, kind in enumerate(kinds)]
    return n.having(node=n.node(pci=buses, virtual=virtual))


def fault(which: str) -> Fault:
    return Fault(WARNING, "IOMMU", f"The IOMMU translates for {which}.", payload=NodeFault("iommu"))


SILENT = {
    **n.WELL,
    "trap: an IOMMU that is off needs no iommu=pt": groups("none", "none"),
    "a virtual machine": groups("DMA-FQ", "DMA-FQ", virtual=True),
    "one GPU, and no network": n.having(
        node=n.node([n.gpu(0)], pci=[n.pci(0, iommu="DMA")]), network=n.network()
    ),
    "a display that nobody computes on": n.having(
        node=n.node([n.gpu(0)], pci=[n.pci(0), n.pci(1, driver=None, iommu="DMA")])
    ),
    "whether it is a virtual machine is not known": Unseen(
        groups("DMA", "DMA", virtual=None), ["whether this is a virtual machine"]
    ),
    "a group cannot be read": Unseen(groups("identity", None), ["IOMMU group of 0000:11:00.0"]),
    "nobody looked at the bus": Unseen(n.without(n.healthy(), pci=None), ["GPUs on PCI"]),
}

FIRING = {
    "all": Fires(groups("DMA-FQ", "DMA-FQ"), fault("2 GPUs (DMA-FQ)"), offers=n.OFFER),
    "one of them": Fires(groups("identity", "DMA"), fault("1 GPU (DMA)"), offers=n.OFFER),
    "one GPU beside InfiniBand": Fires(
        n.having(node=n.node([n.gpu(0)], pci=[n.pci(0, iommu="DMA")])),
        fault("1 GPU (DMA)"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(iommu_translating, SILENT, FIRING)

"""NOD1103: GPUs on PCI against those that NVML lists."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1103_gpu_not_listed import gpu_not_listed
from gpufix.checks.registry import ERROR, Fault
from gpufix.model.payload import NodeFault


def fault(opens: str) -> Fault:
    return Fault(
        ERROR,
        "GPU at 0000:11:00.0",
        "The GPU at 0000:11:00.0 is driven by nvidia, and NVML does not list it.",
        evidence=(f"opening /dev/nvidia1: {opens}",),
        payload=NodeFault("reset"),
    )


SILENT = {
    **n.WELL,
    "a scheduler gave us one of two": n.of(n.gpu(0), pci=[n.pci(0), n.pci(1, opens="EPERM")]),
    "a container has no node of it": n.of(n.gpu(0), pci=[n.pci(0), n.pci(1, node=None)]),
    "vfio holds it for a guest": n.of(
        n.gpu(0), pci=[n.pci(0), n.pci(1, driver="vfio-pci", opens="yes")]
    ),
    "nobody drives it": n.of(n.gpu(0), pci=[n.pci(0), n.pci(1, driver=None)]),
    "it is gone, which another rule says": n.of(
        n.gpu(0), pci=[n.pci(0), n.pci(1, alive=False, opens="EIO")]
    ),
    "the address of one is not known: it may be any of them": Unseen(
        n.of(n.gpu(0), n.gpu(1, address=None), pci=[n.pci(0), n.pci(1, opens="yes")]),
        ["address of GPU 1"],
    ),
    "the address of one that is lost": n.of(
        n.gpu(address=None, lost=True, error="GPU is lost"), pci=[n.pci(1, opens="yes")]
    ),
    "nobody looked at the bus": Unseen(n.without(n.healthy(), pci=None), ["GPUs on PCI"]),
    "NVML hung": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
}

FIRING = {
    "its node opens": Fires(
        n.of(n.gpu(0), pci=[n.pci(0), n.pci(1, opens="yes")]), fault("yes"), offers=n.OFFER
    ),
    "its node fails": Fires(
        n.of(n.gpu(0), pci=[n.pci(0), n.pci(1, opens="EIO")]), fault("EIO"), offers=n.OFFER
    ),
    "NVML lists none": Fires(n.of(pci=[n.pci(1, opens="ENODEV")]), fault("ENODEV"), offers=n.OFFER),
}

test_silent, test_firing = rows(gpu_not_listed, SILENT, FIRING)

"""NOD1122: NVLinks that are down."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1122_nvlink_down import nvlink_down
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(found: str) -> Fault:
    return Fault(WARNING, "GPU 0", f"GPU 0: {found}.", payload=NodeFault("link", gpu=0))


SILENT = {
    **n.WELL,
    "trap: PCIe cards without a bridge": n.of(
        n.gpu(0, nvlinks=[False] * 12), n.gpu(1, nvlinks=[False] * 12)
    ),
    "trap: MIG, of which NVML says that links are down": n.of(
        n.gpu(0), n.gpu(1, nvlinks=[False] * 18, mig_current=True)
    ),
    "another model has links": n.of(n.gpu(0), n.gpu(1, name="NVIDIA L4", nvlinks=[False] * 4)),
    "no links": n.of(n.gpu(nvlinks=None, unsupported=[*n.PAGES, "nvlinks"])),
    "it cannot be read": Unseen(n.of(n.gpu(nvlinks=None)), ["NVLinks of GPU 0"]),
}

FIRING = {
    "one": Fires(
        n.of(n.gpu(nvlinks=[True] * 7 + [False] + [True] * 10)),
        fault("1 of 18 NVLinks is down (link 7)"),
        offers=n.OFFER,
    ),
    "all, and the other GPU's are up": Fires(
        n.of(n.gpu(0, nvlinks=[False] * 2), n.gpu(1)),
        fault("2 of 2 NVLinks are down (links 0, 1)"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(nvlink_down, SILENT, FIRING)

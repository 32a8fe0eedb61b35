"""NOD1133: VBIOS versions that differ."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1133_vbios_differs import vbios_differs
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

OLD = "96.00.61.00.01"


def fault(subject: str, message: str) -> Fault:
    return Fault(WARNING, subject, message, payload=NodeFault("update"))


SILENT = {
    **n.WELL,
    "another model": n.of(n.gpu(0), n.gpu(1, name="NVIDIA L4", vbios="95.04")),
    "it cannot be read": Unseen(n.of(n.gpu(0), n.gpu(1, vbios=None)), ["VBIOS version of GPU 1"]),
}

FIRING = {
    "one of three": Fires(
        n.of(n.gpu(0), n.gpu(1, vbios=OLD), n.gpu(2)),
        fault("GPU 1", f"GPU 1 has VBIOS {OLD}; 2 others have 96.00.74.00.01."),
        offers=n.OFFER,
    ),
    "two of two": Fires(
        n.of(n.gpu(0), n.gpu(1, vbios=OLD)),
        fault("GPU 1", f"GPU 1 has VBIOS {OLD}; another has 96.00.74.00.01."),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(vbios_differs, SILENT, FIRING)

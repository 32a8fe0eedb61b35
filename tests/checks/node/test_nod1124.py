"""NOD1124: GPUs that are not part of their fabric."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1124_fabric_not_ready import fabric_not_ready
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault


def fault(severity: Severity, words: str) -> Fault:
    return Fault(
        severity,
        "GPU 0",
        f"GPU 0: its registration with the NVLink fabric {words}.",
        payload=NodeFault("fabric-manager"),
    )


SILENT = {
    **n.WELL,
    "no NVSwitch": n.of(n.gpu(fabric_state=0)),
    "a driver that does not know fabrics": n.of(
        n.gpu(
            fabric_state=None,
            fabric_status=None,
            unsupported=[*n.PAGES, "fabric_state", "fabric_status"],
        )
    ),
    "it cannot be read": Unseen(n.of(n.gpu(fabric_status=None)), ["fabric status of GPU 0"]),
}

FIRING = {
    "not started": Fires(
        n.of(n.gpu(fabric_state=1)), fault(ERROR, "has not started"), offers=n.OFFER
    ),
    "in progress": Fires(
        n.of(n.gpu(fabric_state=2)), fault(WARNING, "is in progress"), offers=n.OFFER
    ),
    "ended with an error": Fires(
        n.of(n.gpu(fabric_status=999)), fault(ERROR, "ended with error 999"), offers=n.OFFER
    ),
}

test_silent, test_firing = rows(fabric_not_ready, SILENT, FIRING)

"""NOD1127: the health of the fabric."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1127_fabric_unhealthy import fabric_unhealthy
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault

CASES = [
    (0x1A9, 1, WARNING, "degraded bandwidth"),
    (0x1A6, 1, WARNING, "a route in recovery"),
    (0x19A, 1, ERROR, "an unhealthy route"),
    (0x16A, 1, WARNING, "a recovery from access timeouts"),
    (0x5AA, 1, ERROR, "a wrong configuration"),
    (0x1AA, 2, ERROR, "that it is unhealthy"),
    (0x1AA, 3, WARNING, "limited capacity"),
    (0x1A5, 3, WARNING, "degraded bandwidth, a route in recovery, limited capacity"),
]


def fault(severity: Severity, words: str) -> Fault:
    return Fault(
        severity,
        "GPU 0",
        f"GPU 0: its NVLink fabric reports {words}.",
        payload=NodeFault("link", gpu=0),
    )


SILENT = {
    **n.WELL,
    "nothing is supported": n.of(n.gpu(fabric_health=0, fabric_summary=0)),
    "it cannot be read": Unseen(n.of(n.gpu(fabric_health=None)), ["fabric health of GPU 0"]),
}

FIRING = {
    **{
        words: Fires(
            n.of(n.gpu(fabric_health=mask, fabric_summary=summary)),
            fault(severity, words),
            offers=n.OFFER,
        )
        for mask, summary, severity, words in CASES
    },
}

test_silent, test_firing = rows(fabric_unhealthy, SILENT, FIRING)

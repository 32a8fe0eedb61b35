"""NOD1131: memory that is held."""

from __future__ import annotations

import builders as b
import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1131_memory_held import memory_held
from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault


def fault(severity: Severity, size: str, who: str) -> Fault:
    return Fault(
        severity,
        "GPU 0",
        f"GPU 0: {size} of memory are in use, by {who}.",
        payload=NodeFault("free-memory", gpu=0),
    )


SILENT = {
    **n.WELL,
    "what a context of the driver's own takes": n.of(n.gpu(memory_used=15 << 20)),
    "it cannot be read": Unseen(n.of(n.gpu(memory_used=None)), ["memory in use of GPU 0"]),
}

FIRING = {
    "a process": Fires(
        n.of(n.gpu(memory_used=883 << 20, processes=1)),
        fault(ADVICE, "883 MiB", "1 process"),
        offers=n.OFFER,
    ),
    "processes": Fires(
        n.of(n.gpu(memory_used=3 << 29, processes=2)),
        fault(ADVICE, "1.5 GiB", "2 processes"),
        offers=n.OFFER,
    ),
    "nobody": Fires(
        n.of(n.gpu(memory_used=(15 << 20) + 1)),
        fault(WARNING, "15 MiB", "no process that can be seen"),
        offers=n.OFFER,
    ),
    "nobody, in a container": Fires(
        n.having(host=b.host(container="docker"), node=n.node([n.gpu(memory_used=1 << 30)])),
        fault(ADVICE, "1.0 GiB", "no process that can be seen"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(memory_held, SILENT, FIRING)

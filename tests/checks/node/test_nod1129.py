"""NOD1129: compute modes that keep programs out."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1129_compute_mode import compute_mode
from gpufix.checks.registry import ADVICE, ERROR, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault


def fault(severity: Severity, words: str) -> Fault:
    return Fault(
        severity,
        "GPU 0",
        f"GPU 0 is in compute mode {words}.",
        payload=NodeFault("compute-mode", gpu=0),
    )


SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(n.of(n.gpu(compute_mode=None)), ["compute mode of GPU 0"]),
}

FIRING = {
    "prohibited": Fires(
        n.of(n.gpu(compute_mode=2)),
        fault(ERROR, "prohibited: no program can use it"),
        offers=n.OFFER,
    ),
    "exclusive-process": Fires(
        n.of(n.gpu(compute_mode=3)),
        fault(ADVICE, "exclusive-process: one program at a time can use it"),
        offers=n.OFFER,
    ),
    "exclusive-thread": Fires(
        n.of(n.gpu(compute_mode=1)),
        fault(ADVICE, "exclusive-thread: one thread can use it"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(compute_mode, SILENT, FIRING)

"""NOD1130: GPUs that are shut down when idle."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1130_persistence_off import persistence_off
from gpufix.checks.registry import ADVICE, Fault
from gpufix.model.payload import NodeFault


def fault(which: str) -> Fault:
    return Fault(
        ADVICE, which, f"{which}: persistence mode is off.", payload=NodeFault("persistence")
    )


SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(n.of(n.gpu(persistence=None)), ["persistence mode of GPU 0"]),
    "Windows and WSL2 have no such mode": n.of(
        n.gpu(persistence=None, unsupported=[*n.PAGES, "persistence"])
    ),
}

FIRING = {
    "all: said once": Fires(
        n.of(*(n.gpu(i, persistence=False) for i in (0, 1, 2, 3, 5))),
        fault("GPUs 0-3, 5"),
        offers=n.OFFER,
    ),
    "one": Fires(n.of(n.gpu(0), n.gpu(1, persistence=False)), fault("GPU 1"), offers=n.OFFER),
}

test_silent, test_firing = rows(persistence_off, SILENT, FIRING)

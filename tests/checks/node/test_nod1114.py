"""NOD1114: an ECC mode that waits for a reset."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1114_ecc_mode_pending import ecc_mode_pending
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(now: str, then: str) -> Fault:
    return Fault(
        WARNING,
        "GPU 0",
        f"GPU 0: ECC is {now}, and {then} after the next reset.",
        payload=NodeFault("mode-pending", gpu=0),
    )


SILENT = {
    **n.WELL,
    "ECC is off, as on a GeForce": n.of(n.gpu(ecc_current=False, ecc_pending=False)),
    "a GPU without ECC": n.of(
        n.gpu(
            ecc_current=None, ecc_pending=None, unsupported=[*n.PAGES, "ecc_current", "ecc_pending"]
        )
    ),
    "it cannot be read": Unseen(n.of(n.gpu(ecc_pending=None)), ["pending ECC mode of GPU 0"]),
}

FIRING = {
    "to be on": Fires(n.of(n.gpu(ecc_current=False)), fault("off", "on"), offers=n.OFFER),
    "to be off": Fires(n.of(n.gpu(ecc_pending=False)), fault("on", "off"), offers=n.OFFER),
}

test_silent, test_firing = rows(ecc_mode_pending, SILENT, FIRING)

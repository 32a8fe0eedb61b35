"""NOD1128: MIG without devices, or waiting."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1128_mig_unfit import mig_unfit
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.model.payload import NodeFault


def waits(now: str, then: str) -> Fault:
    return Fault(
        WARNING,
        "GPU 0",
        f"GPU 0: MIG is {now}, and {then} after the next reset.",
        payload=NodeFault("mode-pending", gpu=0),
    )


SILENT = {
    **n.WELL,
    "MIG with devices": n.of(n.gpu(mig_current=True, mig_pending=True, mig_instances=7)),
    "a GPU without MIG": n.of(
        n.gpu(
            mig_current=None, mig_pending=None, unsupported=[*n.PAGES, "mig_current", "mig_pending"]
        )
    ),
    "it cannot be read": Unseen(n.of(n.gpu(mig_instances=None)), ["MIG devices of GPU 0"]),
}

FIRING = {
    "no device": Fires(
        n.of(n.gpu(mig_current=True, mig_pending=True)),
        Fault(
            ERROR,
            "GPU 0",
            "GPU 0 is in MIG mode, and has no MIG device.",
            payload=NodeFault("mig-instances", gpu=0),
        ),
        offers=n.OFFER,
    ),
    "to be on": Fires(n.of(n.gpu(mig_pending=True)), waits("off", "on"), offers=n.OFFER),
    "to be off": Fires(
        n.of(n.gpu(mig_current=True, mig_instances=1)), waits("on", "off"), offers=n.OFFER
    ),
}

test_silent, test_firing = rows(mig_unfit, SILENT, FIRING)

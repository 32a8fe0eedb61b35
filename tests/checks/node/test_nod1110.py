"""NOD1110: a page that waits for a reset."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1110_retired_pages_pending import retired_pages_pending
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(
        n.of(n.volta(retired_pending=None)), ["pending page retirement of GPU 0"]
    ),
}

FIRING = {
    "pending": Fires(
        n.of(n.volta(retired_pending=True)),
        Fault(
            WARNING,
            "GPU 0",
            "GPU 0: a page of its memory waits for a reset to be retired.",
            payload=NodeFault("reset", gpu=0),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(retired_pages_pending, SILENT, FIRING)

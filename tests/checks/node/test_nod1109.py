"""NOD1109: pages that are retired."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1109_retired_pages_limit import retired_pages_limit
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault


def fault(severity: Severity, pages: int, single: int, double: int) -> Fault:
    return Fault(
        severity,
        "GPU 0",
        f"GPU 0: {pages} pages of its memory are retired ({single} for single-bit, {double} for "
        "double-bit errors).",
        payload=NodeFault("examine", gpu=0),
    )


SILENT = {
    **n.WELL,
    "ten of each": n.of(n.volta(retired_single=10, retired_double=10)),
    "it cannot be read": Unseen(
        n.of(n.volta(retired_single=None, unread={"retired_single": "Unknown Error"})),
        ["pages retired for single-bit errors of GPU 0"],
    ),
}

FIRING = {
    "more than ten of a cause": Fires(
        n.of(n.volta(retired_double=11)), fault(WARNING, 11, 0, 11), offers=n.OFFER
    ),
    "the table is full": Fires(
        n.of(n.volta(retired_single=41, retired_double=22)),
        fault(ERROR, 63, 41, 22),
        offers=n.OFFER,
    ),
    "one under a full table": Fires(
        n.of(n.volta(retired_single=40, retired_double=22)),
        fault(WARNING, 62, 40, 22),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(retired_pages_limit, SILENT, FIRING)

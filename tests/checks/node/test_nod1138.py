"""NOD1138: bad pages of AMD GPUs."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1138_amd_bad_pages import amd_bad_pages
from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault

PAGES = ("bad_pages", "bad_pages_failed")


def fault(severity: Severity, found: str) -> Fault:
    return Fault(severity, "AMD GPU 0", f"AMD GPU 0: {found}.", payload=NodeFault("examine"))


SILENT = {
    **n.WELL,
    "a card without RAS": n.amd(
        n.amd_gpu(bad_pages=None, unsupported=["bad_pages", "bad_pages_failed"])
    ),
    "it cannot be read": Unseen(
        n.amd(
            n.amd_gpu(bad_pages=None, bad_pages_failed=None, unread=dict.fromkeys(PAGES, "denied"))
        ),
        ["bad pages of AMD GPU 0", "bad pages that could not be reserved of AMD GPU 0"],
    ),
}

FIRING = {
    "reserved": Fires(n.amd(n.amd_gpu(bad_pages=1)), fault(ADVICE, "1 bad page"), offers=n.OFFER),
    "one is still used": Fires(
        n.amd(n.amd_gpu(bad_pages=3, bad_pages_failed=1)),
        fault(WARNING, "3 bad pages, 1 of them still in use"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(amd_bad_pages, SILENT, FIRING)

"""NOD1137: errors of AMD GPUs that could not be corrected."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1137_amd_uncorrectable_errors import amd_uncorrectable_errors
from gpufix.checks.registry import ERROR, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "trap: MI200, where a read would reset the counters": Unseen(
        n.amd(n.amd_gpu(ras_uncorrected=None, unread={"ras_uncorrected": "a read would reset"})),
        ["uncorrectable RAS errors of AMD GPU 0"],
    ),
    "a card without RAS": n.amd(n.amd_gpu(ras_uncorrected=None, unsupported=["ras_uncorrected"])),
}

FIRING = {
    "in a block": Fires(
        n.amd(n.amd_gpu(ras_uncorrected={"umc": 1, "gfx": 0, "sdma": 2})),
        Fault(
            ERROR,
            "AMD GPU 0",
            "AMD GPU 0: uncorrectable errors: 1 in umc, 2 in sdma.",
            payload=NodeFault("reset"),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(amd_uncorrectable_errors, SILENT, FIRING)

"""NOD1107: a row that waits for a reset."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1107_row_remap_pending import row_remap_pending
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import NodeGpu
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(
        n.of(
            n.gpu(0, remap_pending=None, unread={"remap_pending": "no permission"}),
            n.gpu(1, remap_pending=None),
        ),
        ["pending row remapping of GPU 0", "pending row remapping of GPU 1"],
    ),
    "the GPU has no such thing": n.of(
        n.gpu(remap_pending=None, unsupported=[*n.PAGES, "remap_pending"])
    ),
    "NVML hung before it came to a GPU": Unseen(
        View(n.healthy(node=n.node([n.gpu(0), NodeGpu(index=1, vendor="nvidia")]))), ["GPU 1"]
    ),
    "NVML gave no list": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
}

FIRING = {
    "one of two": Fires(
        n.of(n.gpu(0), n.gpu(1, remap_pending=True)),
        Fault(
            WARNING,
            "GPU 1",
            "GPU 1: a row of its memory waits for a reset to be remapped.",
            payload=NodeFault("reset", gpu=1),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(row_remap_pending, SILENT, FIRING)

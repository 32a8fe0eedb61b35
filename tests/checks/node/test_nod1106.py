"""NOD1106: a row that could not be remapped."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1106_row_remap_failed import row_remap_failed
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import NodeGpu
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(
        n.of(
            n.gpu(0, remap_failure=None, unread={"remap_failure": "no permission"}),
            n.gpu(1, remap_failure=None),
        ),
        ["failed row remapping of GPU 0", "failed row remapping of GPU 1"],
    ),
    "the GPU has no such thing": n.of(
        n.gpu(remap_failure=None, unsupported=[*n.PAGES, "remap_failure"])
    ),
    "NVML hung before it came to a GPU": Unseen(
        View(n.healthy(node=n.node([n.gpu(0), NodeGpu(index=1, vendor="nvidia")]))), ["GPU 1"]
    ),
    "NVML gave no list": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
}

FIRING = {
    "one of two": Fires(
        n.of(n.gpu(0), n.gpu(1, remap_failure=True)),
        Fault(
            ERROR,
            "GPU 1",
            "GPU 1: a row of its memory could not be remapped (none are).",
            payload=NodeFault("examine", gpu=1),
        ),
        offers=n.OFFER,
    ),
    "one remapped row is enough: eight need not be reached": Fires(
        n.of(n.gpu(remap_failure=True, remapped=1)),
        Fault(
            ERROR,
            "GPU 0",
            "GPU 0: a row of its memory could not be remapped (1 row is).",
            payload=NodeFault("examine", gpu=0),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(row_remap_failed, SILENT, FIRING)

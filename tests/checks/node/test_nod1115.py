"""NOD1115: memory that cannot be repaired."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1115_memory_unrepairable import memory_unrepairable
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import NodeGpu
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(
        n.of(
            n.gpu(0, unrepairable=None, unread={"unrepairable": "no permission"}),
            n.gpu(1, unrepairable=None),
        ),
        ["unrepairable memory of GPU 0", "unrepairable memory of GPU 1"],
    ),
    "the GPU has no such thing": n.of(
        n.gpu(unrepairable=None, unsupported=[*n.PAGES, "unrepairable"])
    ),
    "NVML hung before it came to a GPU": Unseen(
        View(n.healthy(node=n.node([n.gpu(0), NodeGpu(index=1, vendor="nvidia")]))), ["GPU 1"]
    ),
    "NVML gave no list": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
}

FIRING = {
    "one of two": Fires(
        n.of(n.gpu(0), n.gpu(1, unrepairable=True)),
        Fault(
            ERROR,
            "GPU 1",
            "GPU 1: its memory can no longer be repaired.",
            payload=NodeFault("examine", gpu=1),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(memory_unrepairable, SILENT, FIRING)

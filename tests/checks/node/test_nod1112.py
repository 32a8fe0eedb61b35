"""NOD1112: NVIDIA's own limit of SRAM errors."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1112_sram_threshold_exceeded import sram_threshold_exceeded
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import NodeGpu
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(
        n.of(
            n.gpu(0, sram_threshold=None, unread={"sram_threshold": "no permission"}),
            n.gpu(1, sram_threshold=None),
        ),
        ["NVIDIA's limit of SRAM errors of GPU 0", "NVIDIA's limit of SRAM errors of GPU 1"],
    ),
    "the GPU has no such thing": n.of(
        n.gpu(sram_threshold=None, unsupported=[*n.PAGES, "sram_threshold"])
    ),
    "NVML hung before it came to a GPU": Unseen(
        View(n.healthy(node=n.node([n.gpu(0), NodeGpu(index=1, vendor="nvidia")]))), ["GPU 1"]
    ),
    "NVML gave no list": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
}

FIRING = {
    "one of two": Fires(
        n.of(n.gpu(0), n.gpu(1, sram_threshold=True)),
        Fault(
            ERROR,
            "GPU 1",
            "GPU 1: its SRAM errors exceed NVIDIA's limit.",
            payload=NodeFault("examine", gpu=1),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(sram_threshold_exceeded, SILENT, FIRING)

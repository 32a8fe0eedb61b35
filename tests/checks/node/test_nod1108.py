"""NOD1108: rows that were remapped."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1108_row_remap_limit import row_remap_limit
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import NodeGpu
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(
        n.of(
            n.gpu(0, remapped=None, unread={"remapped": "no permission"}), n.gpu(1, remapped=None)
        ),
        ["remapped rows of GPU 0", "remapped rows of GPU 1"],
    ),
    "the GPU has no such thing": n.of(n.gpu(remapped=None, unsupported=[*n.PAGES, "remapped"])),
    "NVML hung before it came to a GPU": Unseen(
        View(n.healthy(node=n.node([n.gpu(0), NodeGpu(index=1, vendor="nvidia")]))), ["GPU 1"]
    ),
    "NVML gave no list": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
    "one under the limit": n.of(n.gpu(remapped=511)),
}

FIRING = {
    "one of two": Fires(
        n.of(n.gpu(0), n.gpu(1, remapped=512)),
        Fault(
            WARNING,
            "GPU 1",
            "GPU 1: 512 rows of its memory are remapped for uncorrectable errors.",
            payload=NodeFault("examine", gpu=1),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(row_remap_limit, SILENT, FIRING)

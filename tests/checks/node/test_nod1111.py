"""NOD1111: errors that ECC could not correct."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1111_ecc_uncorrected import ecc_uncorrected
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import NodeGpu
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "it cannot be read": Unseen(
        n.of(
            n.gpu(0, ecc_uncorrected=None, unread={"ecc_uncorrected": "no permission"}),
            n.gpu(1, ecc_uncorrected=None),
        ),
        ["uncorrected ECC errors of GPU 0", "uncorrected ECC errors of GPU 1"],
    ),
    "the GPU has no such thing": n.of(
        n.gpu(ecc_uncorrected=None, unsupported=[*n.PAGES, "ecc_uncorrected"])
    ),
    "NVML hung before it came to a GPU": Unseen(
        View(n.healthy(node=n.node([n.gpu(0), NodeGpu(index=1, vendor="nvidia")]))), ["GPU 1"]
    ),
    "NVML gave no list": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
}

FIRING = {
    "one of two": Fires(
        n.of(n.gpu(0), n.gpu(1, ecc_uncorrected=1)),
        Fault(
            ERROR,
            "GPU 1",
            "GPU 1: 1 uncorrected memory error since the driver was loaded.",
            payload=NodeFault("reset", gpu=1),
        ),
        offers=n.OFFER,
    ),
    "several": Fires(
        n.of(n.gpu(ecc_uncorrected=2)),
        Fault(
            ERROR,
            "GPU 0",
            "GPU 0: 2 uncorrected memory errors since the driver was loaded.",
            payload=NodeFault("reset", gpu=0),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(ecc_uncorrected, SILENT, FIRING)

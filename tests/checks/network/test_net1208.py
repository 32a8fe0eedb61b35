"""NET1208: GPUDirect RDMA."""

from __future__ import annotations

import builders as b
import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1208_gpudirect_missing import gpudirect_missing
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model.payload import NodeFault


def of(
    peermem: bool | None = False,
    flavour: str | None = "open",
    kernel: str = "6.8.0",
    cuda: str = "12.8",
) -> View:
    return n.having(
        host=b.host(kernel=kernel),
        drivers=[n.driver(flavour=flavour, cuda=cuda)],
        node=n.node(peermem=peermem),
        network=n.network(n.port(0)),
    )


def fault(reason: str) -> Fault:
    return Fault(
        WARNING,
        "GPUDirect RDMA",
        f"1 RDMA port is active, and neither nvidia-peermem nor DMA-BUF is there: {reason}.",
        payload=NodeFault("gpudirect"),
    )


SILENT = {
    **n.WELL,
    "DMA-BUF by the open module": of(),
    "nvidia-peermem with the proprietary one": of(peermem=True, flavour="proprietary"),
    "no port": n.having(
        node=n.node(peermem=False), network=n.network(), drivers=[n.driver(flavour="proprietary")]
    ),
    "whether it is loaded is not known": Unseen(
        of(peermem=None, flavour="proprietary"), ["nvidia-peermem"]
    ),
    "the flavour is not known": Unseen(of(flavour=None), ["DMA-BUF"]),
}

FIRING = {
    "the proprietary module": Fires(
        of(flavour="proprietary"), fault("the kernel module is proprietary"), offers=n.OFFER
    ),
    "an old kernel": Fires(
        of(kernel="5.4.0-150-generic"),
        fault("Linux 5.4.0-150-generic is older than 5.12"),
        offers=n.OFFER,
    ),
    "an old driver": Fires(
        of(cuda="11.6"),
        fault("the driver serves CUDA 11.6, which is older than 11.7"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(gpudirect_missing, SILENT, FIRING)

"""NOD1101: the loaded kernel module against the driver's libraries."""

from __future__ import annotations

import builders as b
import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1101_driver_mismatch import driver_mismatch
from gpufix.checks.registry import ERROR, Fault
from gpufix.model.payload import NodeFault

SAYS = "Driver/library version mismatch"


def fault(module: str, error: str | None = None) -> Fault:
    return Fault(
        ERROR,
        "NVIDIA driver",
        f"NVIDIA's kernel module is of version {module}, its libraries of 570.86.15.",
        evidence=(error,) if error else (),
        payload=NodeFault("reload-driver"),
    )


SILENT = {
    **n.WELL,
    "WSL2 numbers its library otherwise": n.having(
        host=b.host(wsl=True), drivers=[n.driver(kernel_version="551.23")]
    ),
    "cuda-compat brings a newer library": n.having(
        drivers=[
            n.driver(library="/usr/local/cuda/compat/libcuda.so.1", kernel_version="535.54.03")
        ]
    ),
    "a version is not known": Unseen(
        n.having(drivers=[n.driver(kernel_version=None)]), ["version of NVIDIA's kernel module"]
    ),
    "WSL2 has no kernel module": n.having(
        host=b.host(wsl=True), drivers=[n.driver(kernel_version=None)]
    ),
    "no GPU of NVIDIA is there": n.having(
        node=n.node([], pci=[]), drivers=[n.driver(version=None, kernel_version=None)]
    ),
    "another error of NVML": n.having(drivers=[n.driver(error="Unknown Error")]),
}

FIRING = {
    "an update without a restart": Fires(
        n.having(drivers=[n.driver(kernel_version="570.86.10")]), fault("570.86.10"), offers=n.OFFER
    ),
    "NVML says so, and the library's version is not known": Fires(
        n.having(drivers=[n.driver(error=SAYS)]), fault("570.86.15", SAYS), offers=n.OFFER
    ),
}

test_silent, test_firing = rows(driver_mismatch, SILENT, FIRING)

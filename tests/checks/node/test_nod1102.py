"""NOD1102: device nodes that CUDA needs."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1102_device_node_missing import device_node_missing
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault


def fault(name: str, severity: Severity) -> Fault:
    return Fault(
        severity,
        name,
        f"2 NVIDIA GPUs are driven by the kernel; {name} is missing.",
        payload=NodeFault("device-nodes"),
    )


SILENT = {
    **n.WELL,
    "no GPU is driven by NVIDIA's module": n.having(
        node=n.node(pci=[n.pci(driver="vfio-pci")]), drivers=[n.driver(nodes=[])]
    ),
    "nobody looked at the bus": Unseen(n.without(n.healthy(), pci=None), ["GPUs on PCI"]),
    "nobody looked at the driver": Unseen(n.having(drivers=[]), ["NVIDIA's device nodes"]),
}

FIRING = {
    "no /dev/nvidia-uvm, and nothing makes it": Fires(
        n.having(node=n.node(modprobe=False), drivers=[n.driver(nodes=["/dev/nvidiactl"])]),
        fault("/dev/nvidia-uvm", ERROR),
        offers=n.OFFER,
    ),
    "nvidia-modprobe can make it": Fires(
        n.having(drivers=[n.driver(nodes=["/dev/nvidiactl"])]),
        fault("/dev/nvidia-uvm", WARNING),
        offers=n.OFFER,
    ),
    "a container, and neither is there": Fires(
        n.having(
            host=b.host(container="docker"),
            node=n.node(modprobe=False),
            drivers=[n.driver(nodes=[])],
        ),
        [fault("/dev/nvidiactl", WARNING), fault("/dev/nvidia-uvm", WARNING)],
        offers=n.OFFER,
    ),
    "one GPU": Fires(
        n.having(node=n.node(pci=[n.pci()]), drivers=[n.driver(nodes=["/dev/nvidiactl"])]),
        replace(
            fault("/dev/nvidia-uvm", WARNING),
            message="1 NVIDIA GPU is driven by the kernel; /dev/nvidia-uvm is missing.",
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(device_node_missing, SILENT, FIRING)

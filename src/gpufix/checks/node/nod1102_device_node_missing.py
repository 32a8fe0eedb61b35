"""NOD1102."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.node_readings import NOT_RECORDED, missing
from gpufix.evidence.view import View
from gpufix.model import Gap, Node, Severity
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted

_NEEDED = ("/dev/nvidiactl", "/dev/nvidia-uvm")


@rule("NOD1102", "device-node-missing")
def device_node_missing(view: View) -> Iterator[Fault | Gap]:
    """A device node that CUDA needs is missing.

    ## What it does
    Looks for /dev/nvidiactl and /dev/nvidia-uvm where a GPU on PCI is driven by NVIDIA's module.

    ## Why it matters
    Without /dev/nvidia-uvm CUDA starts on no GPU: error 999 or 304. nvidia-modprobe makes it when a
    program of root's or a setuid one asks; where that is missing, nothing does.

    ## Example
    `8 NVIDIA GPUs are driven by the kernel; /dev/nvidia-uvm is missing.`

    ## Severity
    Error; warning where nvidia-modprobe is installed, which can make the node when it is needed,
    and in containers.

    ## Fix
    Manual: the node is made by nvidia-modprobe, or the container given it.

    ## Source
    NVIDIA's CUDA Installation Guide for Linux, "Device Node Verification".
    """
    node = view.facts.node
    if node is None:
        return
    if node.pci is None:
        yield missing(node, "pci")
        return
    driven = sum(gpu.driver == "nvidia" for gpu in node.pci)
    drivers = [driver for driver in view.facts.drivers if driver.vendor == "nvidia"]
    if driven and not drivers:
        yield Gap(section="node", subject="NVIDIA's device nodes", reason=NOT_RECORDED)
    for driver in drivers if driven else ():
        for name in _NEEDED:
            if name not in driver.nodes:
                yield Fault(
                    severity=_severity(view, node),
                    subject=name,
                    message=f"{counted(driven, 'NVIDIA GPU')} {'is' if driven == 1 else 'are'} driven "
                    f"by the kernel; {name} is missing.",
                    payload=NodeFault("device-nodes"),
                )


def _severity(view: View, node: Node) -> Severity:
    """`modprobe` is not known where it is None: then the node may yet be made."""
    return WARNING if node.modprobe is not False or view.facts.host.container else ERROR

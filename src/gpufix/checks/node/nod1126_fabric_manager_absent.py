"""NOD1126."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import missing
from gpufix.evidence.view import View
from gpufix.model import Gap, Node
from gpufix.model.payload import NodeFault

_COMPLETED = 3


@rule("NOD1126", "fabric-manager-absent")
def fabric_manager_absent(view: View) -> Iterator[Fault | Gap]:
    """Fabric Manager does not run on a machine with NVSwitches.

    ## What it does
    Looks for NVSwitches on PCI and for the process nv-fabricmanager, unless every GPU is already
    part of the fabric.

    ## Why it matters
    CUDA does not start: error 802, "system not yet initialized".

    ## Example
    `4 NVSwitches are on PCI, and Fabric Manager does not run.`

    ## Severity
    Error. Silent in containers and virtual machines: there it runs on the host.

    ## Fix
    Manual: the service is started.

    ## Source
    NVIDIA's Fabric Manager User Guide: GPUs behind NVSwitches start only with it; CUDA error 802.
    """
    node = view.facts.node
    if node is None:
        return
    if node.fabric is None or node.fabric.switches is None:
        yield missing(node, "fabric")
        return
    if not node.fabric.switches or view.facts.host.container or _is_guest(node):
        return
    if node.fabric.running is None:
        yield missing(node, "fabric")
    elif not node.fabric.running and not _completed(node):
        yield Fault(
            severity=ERROR,
            subject="Fabric Manager",
            message=f"{node.fabric.switches} NVSwitch{'es are' if node.fabric.switches > 1 else ' is'} on PCI, "
            "and Fabric Manager does not run.",
            payload=NodeFault("fabric-manager"),
        )


def _is_guest(node: Node) -> bool:
    return node.virtual is not False


def _completed(node: Node) -> bool:
    return bool(node.gpus) and all(gpu.fabric_state == _COMPLETED for gpu in node.gpus or ())

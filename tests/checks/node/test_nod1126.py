"""NOD1126: Fabric Manager that does not run."""

from __future__ import annotations

import builders as b
import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1126_fabric_manager_absent import fabric_manager_absent
from gpufix.checks.registry import ERROR, Fault
from gpufix.model import FabricManager, Node, NodeGpu
from gpufix.model.payload import NodeFault

OFF = FabricManager(switches=4, running=False)
FAULT = Fault(
    ERROR,
    "Fabric Manager",
    "4 NVSwitches are on PCI, and Fabric Manager does not run.",
    payload=NodeFault("fabric-manager"),
)


def stopped(*gpus: NodeGpu) -> Node:
    return n.node(list(gpus), fabric=OFF)


SILENT = {
    **n.WELL,
    "no NVSwitch": n.having(node=n.node(fabric=FabricManager(switches=0))),
    "a container": n.having(host=b.host(container="docker"), node=stopped(n.gpu(fabric_state=1))),
    "a virtual machine": n.having(node=n.node([n.gpu(fabric_state=1)], fabric=OFF, virtual=True)),
    "every GPU is part of the fabric": n.having(node=stopped(n.gpu(0), n.gpu(1))),
    "the processes cannot be seen": Unseen(
        n.having(node=n.node(fabric=FabricManager(switches=4))), ["Fabric Manager"]
    ),
    "nobody looked": Unseen(n.without(n.healthy(), fabric=None), ["Fabric Manager"]),
}

FIRING = {
    "a GPU waits": Fires(
        n.having(node=stopped(n.gpu(0), n.gpu(1, fabric_state=1))), FAULT, offers=n.OFFER
    ),
    "A100: the fabric has no state": Fires(
        n.having(node=stopped(n.gpu(fabric_state=None))), FAULT, offers=n.OFFER
    ),
    "NVML lists none": Fires(n.having(node=stopped()), FAULT, offers=n.OFFER),
}

test_silent, test_firing = rows(fabric_manager_absent, SILENT, FIRING)

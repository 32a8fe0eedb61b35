"""NOD1125: the version of Fabric Manager."""

from __future__ import annotations

import builders as b
import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1125_fabric_manager_version import fabric_manager_version
from gpufix.checks.registry import ERROR, Fault
from gpufix.model import FabricManager
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "no NVSwitch": n.having(node=n.node(fabric=FabricManager(switches=0))),
    "a container: it runs on the host": n.having(
        host=b.host(container="docker"),
        node=n.node(fabric=FabricManager(switches=4, running=False, version=None)),
    ),
    "its version is not known": Unseen(
        n.having(node=n.node(fabric=FabricManager(switches=4, running=True))),
        ["version of Fabric Manager"],
    ),
    "the driver's version is not known": Unseen(
        n.having(drivers=[n.driver(version=None, kernel_version=None)]),
        ["version of Fabric Manager"],
    ),
    "nobody looked": Unseen(n.without(n.healthy(), fabric=None), ["Fabric Manager"]),
}

FIRING = {
    "another": Fires(
        n.having(drivers=[n.driver(kernel_version="570.133.20")]),
        Fault(
            ERROR,
            "Fabric Manager",
            "Fabric Manager is of version 570.86.15, the driver of 570.133.20.",
            payload=NodeFault("fabric-version"),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(fabric_manager_version, SILENT, FIRING)

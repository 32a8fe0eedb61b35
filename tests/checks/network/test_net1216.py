"""NET1216: firmware of RDMA devices."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1216_port_firmware_differs import port_firmware_differs
from gpufix.checks.registry import ADVICE, Fault
from gpufix.model.payload import NodeFault

OLD = "28.37.1014"


def fault(who: str) -> Fault:
    return Fault(
        ADVICE,
        "mlx5_1",
        f"mlx5_1 has firmware {OLD}; {who} 28.39.1002.",
        payload=NodeFault("update"),
    )


SILENT = {
    **n.WELL,
    "another model": n.on(n.port(0), n.port(1, board="MT_0000000359", firmware="20.31")),
    "two ports of one device": n.on(n.port(0), n.port(0, port=2)),
    "it cannot be read": Unseen(
        n.on(n.port(0), n.port(1, firmware=None)), ["firmware of mlx5_1 port 1"]
    ),
}

FIRING = {
    "one of three": Fires(
        n.on(n.port(0), n.port(1, firmware=OLD), n.port(2)),
        fault("2 others of its model have"),
        offers=n.OFFER,
    ),
    "one of two": Fires(
        n.on(n.port(0), n.port(1, firmware=OLD)), fault("another has"), offers=n.OFFER
    ),
}

test_silent, test_firing = rows(port_firmware_differs, SILENT, FIRING)

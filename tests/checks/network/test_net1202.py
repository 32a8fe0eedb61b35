"""NET1202: ports that have a link and are not active."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1202_port_not_active import port_not_active
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "no link: another rule says so": n.on(n.port(0, physical="Polling", state="DOWN")),
    "Ethernet whose state cannot be read": Unseen(
        n.on(n.roce(0, state=None)), ["state of mlx5_0 port 1"]
    ),
    "Ethernet": n.on(n.roce(0, state="INIT")),
    "it cannot be read": Unseen(n.on(n.port(0, state=None)), ["state of mlx5_0 port 1"]),
}

FIRING = {
    **{
        state: Fires(
            n.on(n.port(0, state=state)),
            Fault(
                WARNING,
                "mlx5_0 port 1",
                f"mlx5_0 port 1 has a link and is in state {state}.",
                payload=NodeFault("subnet-manager"),
            ),
            offers=n.OFFER,
        )
        for state in ("INIT", "ARMED", "DOWN")
    },
}

test_silent, test_firing = rows(port_not_active, SILENT, FIRING)

"""NET1201: InfiniBand ports without a link."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1201_port_down import port_down
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "a port that somebody disabled": n.on(n.port(0), n.port(1, physical="Disabled", state="DOWN")),
    "Ethernet that is not used": n.on(n.roce(0, physical="Polling", state="DOWN")),
    "it cannot be read": Unseen(n.on(n.port(0, physical=None)), ["link of mlx5_0 port 1"]),
    "nobody looked at the network": Unseen(n.having(network=None), ["InfiniBand ports"]),
}

FIRING = {
    "no cable": Fires(
        n.on(n.port(0), n.port(1, physical="Polling", state="DOWN")),
        Fault(
            WARNING,
            "mlx5_1 port 1",
            "mlx5_1 port 1 has no link (Polling).",
            payload=NodeFault("port"),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(port_down, SILENT, FIRING)

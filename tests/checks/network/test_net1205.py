"""NET1205: links that are lost again and again."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1205_port_flaps import port_flaps
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import NetworkInterface
from gpufix.model.payload import NodeFault


def lost(times: int | None, uptime: float | None = 10 * n.DAY) -> View:
    own = [NetworkInterface(name="ib0", downs=times)]
    return n.having(network=n.network(n.port(0), interfaces=own), node=n.node(uptime=uptime))


def fault(times: int) -> Fault:
    return Fault(
        WARNING,
        "mlx5_0 port 1",
        f"mlx5_0 port 1 (ib0): its link was lost {times} times a day on average.",
        payload=NodeFault("port"),
    )


SILENT = {
    **n.WELL,
    "as often as in ten days": lost(49),
    "trap: the start of the machine takes some": lost(4, uptime=600.0),
    "the interfaces are not known": Unseen(n.on(n.port(0), interfaces=None), ["interfaces"]),
    "no interface": n.on(n.port(0, interface=None)),
    "it cannot be read": Unseen(lost(None), ["losses of carrier of mlx5_0 port 1"]),
    "the time since the start is not known": Unseen(
        lost(1, uptime=None), ["time since the machine started"]
    ),
}

FIRING = {
    "five a day": Fires(lost(50), fault(5), offers=n.OFFER),
    "five in the first hour": Fires(lost(5, uptime=3600.0), fault(5), offers=n.OFFER),
}

test_silent, test_firing = rows(port_flaps, SILENT, FIRING)

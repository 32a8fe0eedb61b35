"""NET1204: errors of ports, now and on average."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1204_port_errors import port_errors
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model.payload import NodeFault


def of(**counted: dict[str, int]) -> View:
    rdma = {"mlx5_0/1": n.counters(**counted)}
    return n.having(node=n.node(rdma=rdma), network=n.network(n.port(0)))


def fault(found: str, *more: str) -> Fault:
    return Fault(
        WARNING,
        "mlx5_0 port 1",
        f"mlx5_0 port 1: {found}.",
        evidence=more,
        payload=NodeFault("port"),
    )


SILENT = {
    **n.WELL,
    "trap: totals since the machine started": of(
        total={"link_downed": 9, "symbol_error": 1_000_000}
    ),
    "at the limits": of(risen={"symbol_error": 10, "port_xmit_discards": 100}),
    "the machine has just started": n.having(
        node=n.node(rdma={"mlx5_0/1": n.counters({"symbol_error": 8})}, uptime=0.5),
        network=n.network(n.port(0)),
    ),
    "no counters": Unseen(
        n.having(node=n.node(rdma={}), network=n.network(n.port(0))), ["counters of mlx5_0 port 1"]
    ),
    "the time since the start is not known": Unseen(
        n.without(n.healthy(), uptime=None), ["time since the machine started"]
    ),
    "nobody looked": Unseen(n.without(n.healthy(), rdma=None), ["counters of InfiniBand ports"]),
}

FIRING = {
    "a link goes down": Fires(
        of(risen={"link_downed": 1}), fault("link_downed rose by 1 in 0.5 s"), offers=n.OFFER
    ),
    "symbols": Fires(
        of(risen={"symbol_error": 31, "port_rcv_errors": 12}),
        fault("symbol_error rose by 31 in 0.5 s", "port_rcv_errors rose by 12 in 0.5 s"),
        offers=n.OFFER,
    ),
    "a mean over the limit": Fires(
        of(total={"symbol_error": 20 * 864_000}),
        fault("symbol_error: 20 a second since the machine started"),
        offers=n.OFFER,
    ),
    "a mean a minute": Fires(
        of(total={"link_error_recovery": 6 * 14_400}),
        fault("link_error_recovery: 6 a minute since the machine started"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(port_errors, SILENT, FIRING)

"""NET1212: memory that may be locked."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1212_memlock_small import memlock_small
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(found: str) -> Fault:
    return Fault(
        WARNING,
        "locked memory",
        f"{found} KiB of memory may be locked; 32 GB are enough.",
        payload=NodeFault("lock-memory"),
    )


SILENT = {
    **n.WELL,
    "any number": n.without(n.healthy(), memlock=-1),
    "no RDMA: it does not matter": n.having(node=n.node(memlock=65_536), network=n.network()),
    "as much as is enough": n.without(n.healthy(), memlock=32_000_000_000),
    "it cannot be read": Unseen(n.without(n.healthy(), memlock=None), ["limit of locked memory"]),
}

FIRING = {
    "a shell's": Fires(
        n.without(n.healthy(), memlock=65_536),
        fault("2 RDMA ports are active, and 64"),
        offers=n.OFFER,
    ),
    "one port, 8 MiB": Fires(
        n.having(node=n.node(memlock=8 << 20), network=n.network(n.port(0))),
        fault("1 RDMA port is active, and 8,192"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(memlock_small, SILENT, FIRING)

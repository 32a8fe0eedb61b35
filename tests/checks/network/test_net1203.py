"""NET1203: ports slower than others of their model."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1203_port_slow import port_slow
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

SLOW = "200 Gb/sec (2X NDR)"


def fault(who: str) -> Fault:
    return Fault(
        WARNING,
        "mlx5_1 port 1",
        f"mlx5_1 port 1 runs at {SLOW}; {who} at 400 Gb/sec (4X NDR).",
        payload=NodeFault("port"),
    )


SILENT = {
    **n.WELL,
    "another model": n.on(n.port(0), n.port(1, board="MT_0000000359", rate="100 Gb/sec (4X EDR)")),
    "the same model on Ethernet": n.on(n.port(0), n.roce(1, rate="100 Gb/sec (4X EDR)")),
    "a port that is down": n.on(n.port(0), n.port(1, state="DOWN", rate="10 Gb/sec (4X SDR)")),
    "all are slow: nobody has said what they should be": n.on(
        n.port(0, rate=SLOW), n.port(1, rate=SLOW)
    ),
    "it cannot be read": Unseen(
        n.on(n.port(0, rate=None), n.port(1, board=None)),
        ["model of mlx5_1 port 1", "rate of mlx5_0 port 1"],
    ),
}

FIRING = {
    "one of two": Fires(
        n.on(n.port(0), n.port(1, rate=SLOW)), fault("another of its model"), offers=n.OFFER
    ),
    "one of three": Fires(
        n.on(n.port(0), n.port(1, rate=SLOW), n.port(2)),
        fault("2 others of its model"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(port_slow, SILENT, FIRING)

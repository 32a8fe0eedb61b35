"""NET1206: ports that programs cannot open."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1206_verbs_closed import verbs_closed
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

SILENT = {
    **n.WELL,
    "a port that is down": n.on(n.port(0, state="DOWN", verbs=False)),
    "it cannot be read": Unseen(n.on(n.port(0, verbs=None)), ["device node of mlx5_0 port 1"]),
}

FIRING = {
    "closed": Fires(
        n.on(n.port(0, verbs=False)),
        Fault(
            WARNING,
            "mlx5_0 port 1",
            "mlx5_0 port 1 is active; this user may not open its /dev/infiniband/uverbs node, or it is "
            "not there.",
            payload=NodeFault("verbs"),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(verbs_closed, SILENT, FIRING)

"""NET1215: addresses of RoCE ports."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1215_roce_gid_unfit import roce_gid_unfit
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault

INDEX = NodeFault("variable", name="NCCL_IB_GID_INDEX")


def fault(problem: str, payload: NodeFault) -> Fault:
    return Fault(WARNING, "mlx5_0 port 1", f"mlx5_0 port 1: {problem}.", payload=payload)


SILENT = {
    **n.WELL,
    "InfiniBand has no such kinds": n.on(n.port(0), variables={"NCCL_IB_GID_INDEX": "3"}),
    "RoCE v2": n.on(n.roce(0)),
    "the index of one": n.on(n.roce(0), variables={"NCCL_IB_GID_INDEX": "1"}),
    "a port that is down": n.on(n.roce(0, state="DOWN", gids={})),
    "it cannot be read": Unseen(n.on(n.roce(0, gids=None)), ["GIDs of mlx5_0 port 1"]),
}

FIRING = {
    "no address": Fires(
        n.on(n.roce(0, gids={"0": "IB/RoCE v1"})),
        fault("no GID of RoCE v2 is in use", NodeFault("port")),
        offers=n.OFFER,
    ),
    "the index of the older kind": Fires(
        n.on(n.roce(0), variables={"NCCL_IB_GID_INDEX": "0"}),
        fault("NCCL_IB_GID_INDEX=0 is IB/RoCE v1", INDEX),
        offers=n.OFFER,
    ),
    "an index without an address": Fires(
        n.on(n.roce(0), variables={"NCCL_IB_GID_INDEX": "7"}),
        fault("NCCL_IB_GID_INDEX=7 is not in use", INDEX),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(roce_gid_unfit, SILENT, FIRING)

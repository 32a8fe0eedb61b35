"""NET1207: sockets where InfiniBand is there."""

from __future__ import annotations

from dataclasses import replace

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1207_nccl_uses_sockets import nccl_uses_sockets
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model.payload import NodeFault


def using(**variables: str) -> View:
    return n.on(n.port(0), variables=variables)


def fault(reason: str, name: str) -> Fault:
    return Fault(
        WARNING,
        "NCCL",
        f"1 RDMA port is active, and NCCL will use sockets: {reason}.",
        payload=NodeFault("variable" if name else "verbs", name=name),
    )


SILENT = {
    **n.WELL,
    "no GPU": n.having(node=n.node([], pci=[]), network=n.network(n.port(0), libraries={})),
    "no port that is usable: other rules say so": n.on(n.port(0, verbs=False), libraries={}),
    "the variable is 0": using(NCCL_IB_DISABLE="0"),
    "a list that has one of them": using(NCCL_IB_HCA="mlx5_0:1,mlx5_9"),
    "excluded are others": using(NCCL_IB_HCA="^mlx5_bond"),
    "NCCL's files were not read": Unseen(
        n.on(n.port(0), nccl=None), ["NCCL's configuration files"]
    ),
    "the loader's cache was not read": Unseen(
        n.on(n.port(0), libraries=None), ["libraries of rdma-core"]
    ),
}

FIRING = {
    "turned off": Fires(
        using(NCCL_IB_DISABLE="1"), fault("NCCL_IB_DISABLE=1", "NCCL_IB_DISABLE"), offers=n.OFFER
    ),
    "turned off in a file": Fires(
        n.on(n.port(0), nccl={"NCCL_IB_DISABLE": "1"}),
        fault("NCCL_IB_DISABLE=1", "NCCL_IB_DISABLE"),
        offers=n.OFFER,
    ),
    "sockets are asked for": Fires(
        using(NCCL_NET="Socket"), fault("NCCL_NET=Socket", "NCCL_NET"), offers=n.OFFER
    ),
    "none of that name": Fires(
        using(NCCL_IB_HCA="=mlx5_1"),
        fault("NCCL_IB_HCA==mlx5_1 names none of them", "NCCL_IB_HCA"),
        offers=n.OFFER,
    ),
    "all are excluded": Fires(
        using(NCCL_IB_HCA="^mlx5"),
        fault("NCCL_IB_HCA=^mlx5 names none of them", "NCCL_IB_HCA"),
        offers=n.OFFER,
    ),
    "no libibverbs": Fires(
        n.on(n.port(0), libraries={"libnccl.so.2": "libnccl.so.2.28.3"}),
        fault("libibverbs.so.1 is not in the loader's cache", ""),
        offers=n.OFFER,
    ),
    "two ports": Fires(
        n.on(n.port(0), n.port(1), libraries={}),
        replace(
            fault("", ""),
            message="2 RDMA ports are active, and NCCL will use sockets: libibverbs.so.1 is not in the "
            "loader's cache.",
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(nccl_uses_sockets, SILENT, FIRING)

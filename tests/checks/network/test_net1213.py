"""NET1213: variables that name interfaces."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1213_interface_not_there import interface_not_there
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model.payload import NodeFault


def using(**variables: str) -> View:
    return n.on(variables=variables)


def fault(name: str, value: str) -> Fault:
    return Fault(
        ERROR,
        name,
        f"{name}={value} names none of the interfaces docker0, eth0, lo.",
        payload=NodeFault("variable", name=name),
    )


SILENT = {
    **n.WELL,
    "by its beginning": using(NCCL_SOCKET_IFNAME="eth"),
    "whole names": using(NCCL_SOCKET_IFNAME="=eth0,eth7", GLOO_SOCKET_IFNAME="eth0"),
    "all but some": using(NCCL_SOCKET_IFNAME="^docker,lo"),
    "one that is down, or leads nowhere": using(NCCL_SOCKET_IFNAME="docker0"),
    "nobody looked at them": Unseen(
        n.on(variables={"NCCL_SOCKET_IFNAME": "ib0"}, others=None), ["interfaces"]
    ),
}

FIRING = {
    "not there": Fires(
        using(NCCL_SOCKET_IFNAME="ib0"), fault("NCCL_SOCKET_IFNAME", "ib0"), offers=n.OFFER
    ),
    "not of this whole name": Fires(
        using(NCCL_SOCKET_IFNAME="=eth"), fault("NCCL_SOCKET_IFNAME", "=eth"), offers=n.OFFER
    ),
    "all are excluded": Fires(
        using(NCCL_SOCKET_IFNAME="^eth,docker,lo"),
        fault("NCCL_SOCKET_IFNAME", "^eth,docker,lo"),
        offers=n.OFFER,
    ),
    "gloo asks for whole names": Fires(
        using(GLOO_SOCKET_IFNAME="eth"), fault("GLOO_SOCKET_IFNAME", "eth"), offers=n.OFFER
    ),
    "by NCCL's file": Fires(
        n.on(nccl={"NCCL_SOCKET_IFNAME": "bond0"}),
        fault("NCCL_SOCKET_IFNAME", "bond0"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(interface_not_there, SILENT, FIRING)

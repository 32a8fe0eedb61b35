"""NET1210: ACS of the bridges above GPUs."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1210_acs_redirects import acs_redirects
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(where: str) -> Fault:
    return Fault(WARNING, "PCI ACS", f"ACS is on at {where}.", payload=NodeFault("acs"))


SILENT = {
    **n.WELL,
    "a virtual machine needs it": n.without(n.healthy(), virtual=True, acs=["0000:16:01.0"]),
    "one GPU": n.having(node=n.node([n.gpu(0)], acs=["0000:16:01.0"])),
    "hidden from users": Unseen(
        n.without(n.healthy(), acs=None, unread={"acs": "root only"}), ["ACS of PCI bridges"]
    ),
    "whether it is a virtual machine is not known": Unseen(
        n.without(n.healthy(), virtual=None, acs=["x"]), ["whether this is a virtual machine"]
    ),
}

FIRING = {
    "on at one": Fires(
        n.without(n.healthy(), acs=["0000:16:01.0"]),
        fault("1 bridge above GPUs: 0000:16:01.0"),
        offers=n.OFFER,
    ),
    "on at many": Fires(
        n.without(n.healthy(), acs=[f"0000:{i}:01.0" for i in range(10, 16)]),
        fault(
            "6 bridges above GPUs: 0000:10:01.0, 0000:11:01.0, 0000:12:01.0, 0000:13:01.0 and 2 more"
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(acs_redirects, SILENT, FIRING)

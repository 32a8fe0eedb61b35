"""NET1213."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import NOT_RECORDED, setting
from gpufix.evidence.rdma_ports import chosen
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_NAMES = ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME")


@rule("NET1213", "interface-not-there")
def interface_not_there(view: View) -> Iterator[Fault | Gap]:
    """A variable names network interfaces that are not there.

    ## What it does
    Compares NCCL_SOCKET_IFNAME and GLOO_SOCKET_IFNAME with the node's interfaces.

    ## Why it matters
    NCCL ends with "no socket interface found", gloo with "Unable to find address for": no job
    starts.

    ## Example
    `NCCL_SOCKET_IFNAME=ib0 names none of the interfaces bond0, eth0.`

    ## Severity
    Error.

    ## Fix
    Manual: the variable is set for this node, or unset.

    ## Source
    NCCL's user guide, NCCL_SOCKET_IFNAME (^ excludes, = asks for whole names);
    torch/csrc/distributed/c10d/ProcessGroupGloo.cpp (GLOO_SOCKET_IFNAME, whole names).
    """
    if view.facts.node is None:
        return
    found = {
        name: setting(view, name) if name.startswith("NCCL") else view.env(name) for name in _NAMES
    }
    if not any(found.values()):
        return
    network = view.facts.network
    if network is None or network.interfaces is None or network.others is None:
        yield Gap(section="network", subject="interfaces", reason=NOT_RECORDED)
        return
    names = sorted([*(one.name for one in network.interfaces), *network.others])
    for name, value in found.items():
        if value and not _matches(name, value, names):
            yield Fault(
                severity=ERROR,
                subject=name,
                message=f"{name}={value} names none of the interfaces {', '.join(names)}.",
                payload=NodeFault("variable", name=name),
            )


def _matches(name: str, value: str, names: list[str]) -> bool:
    if name.startswith("NCCL"):
        return bool(chosen(value, names))
    return all(one in names for one in value.split(","))

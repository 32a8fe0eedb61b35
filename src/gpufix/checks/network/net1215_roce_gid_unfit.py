"""NET1215."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import port_gap, port_name, setting
from gpufix.evidence.rdma_ports import active
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_ROUTED = "RoCE v2"


@rule("NET1215", "roce-gid-unfit")
def roce_gid_unfit(view: View) -> Iterator[Fault | Gap]:
    """A RoCE port has no address that can be routed, or NCCL is set to use another.

    ## What it does
    Looks for a GID of RoCE v2 at each active RoCE port, and at the one that NCCL_IB_GID_INDEX
    names.

    ## Why it matters
    RoCE v1 does not leave its Ethernet segment: connections between racks time out.

    ## Example
    `mlx5_0 port 1: NCCL_IB_GID_INDEX=2 is IB/RoCE v1.`

    ## Severity
    Warning.

    ## Fix
    Manual: the interface gets an address, or the index is corrected.

    ## Source
    Linux Documentation/ABI/stable/sysfs-class-infiniband (gid_attrs/types); NCCL's user guide,
    NCCL_IB_GID_INDEX.
    """
    index = (setting(view, "NCCL_IB_GID_INDEX") or "").strip()
    for port in active(view):
        if port.layer != "Ethernet":
            continue
        if port.gids is None:
            yield port_gap(port, "GIDs")
            continue
        problem = _problem(port.gids, index)
        if problem:
            yield Fault(
                severity=WARNING,
                subject=port_name(port),
                message=f"{port_name(port)}: {problem}.",
                payload=NodeFault(
                    "variable" if index else "port", name="NCCL_IB_GID_INDEX" if index else ""
                ),
            )


def _problem(gids: dict[str, str], index: str) -> str | None:
    if index.isdigit():
        kind = gids.get(index)
        return None if kind == _ROUTED else f"NCCL_IB_GID_INDEX={index} is {kind or 'not in use'}"
    return None if _ROUTED in gids.values() else "no GID of RoCE v2 is in use"

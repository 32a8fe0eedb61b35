"""NET1206."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import port_gap, port_name
from gpufix.evidence.rdma_ports import active
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NET1206", "verbs-closed")
def verbs_closed(view: View) -> Iterator[Fault | Gap]:
    """An active RDMA port cannot be opened by programs.

    ## What it does
    Looks for the device's /dev/infiniband/uverbs node, and whether this user may open it.

    ## Why it matters
    NCCL finds no InfiniBand there, and uses sockets without an error.

    ## Example
    `mlx5_0 port 1 is active; this user may not open its /dev/infiniband/uverbs node, or it is not there.`

    ## Severity
    Warning.

    ## Fix
    Manual: the ib_uverbs module; in a container, the devices.

    ## Source
    libibverbs opens /dev/infiniband/uverbsN; NVIDIA/NVSentinel
    docs/configuration/nic-health-monitor.md @07b82dc2 (uverbs per device).
    """
    for port in active(view):
        if port.verbs is None:
            yield port_gap(port, "device node")
        elif not port.verbs:
            yield Fault(
                severity=WARNING,
                subject=port_name(port),
                message=f"{port_name(port)} is active; this user may not open its /dev/infiniband/uverbs node, "
                "or it is not there.",
                payload=NodeFault("verbs"),
            )

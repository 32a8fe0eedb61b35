"""NET1202."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import port_gap, port_name, ports
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NET1202", "port-not-active")
def port_not_active(view: View) -> Iterator[Fault | Gap]:
    """An InfiniBand port has a link, and is not active.

    ## What it does
    Reads the state of each InfiniBand port whose link is up: INIT and ARMED wait for the subnet
    manager.

    ## Why it matters
    Until the subnet manager has set it up, nothing passes the port.

    ## Example
    `mlx5_0 port 1 has a link and is in state INIT.`

    ## Severity
    Warning.

    ## Fix
    Manual: the subnet manager, on a switch or a node.

    ## Source
    InfiniBand Architecture, port states; facebookresearch/gcm check_iblink (LINK_IN_INIT,
    LINK_BAD_STATE); NVIDIA/NVSentinel docs/configuration/nic-health-monitor.md @07b82dc2.
    """
    for port in ports(view):
        if port.state is None:
            yield port_gap(port, "state")
        elif port.layer == "InfiniBand" and port.physical == "LinkUp" and port.state != "ACTIVE":
            yield Fault(
                severity=WARNING,
                subject=port_name(port),
                message=f"{port_name(port)} has a link and is in state {port.state}.",
                payload=NodeFault("subnet-manager"),
            )

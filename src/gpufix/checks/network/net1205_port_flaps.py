"""NET1205."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import NOT_RECORDED, missing, port_gap, port_name
from gpufix.evidence.rdma_ports import active
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_DAY = 86_400


@rule("NET1205", "port-flaps")
def port_flaps(view: View) -> Iterator[Fault | Gap]:
    """A port's link was lost again and again.

    ## What it does
    Counts how often the carrier of an RDMA port's interface was lost: 5 times in 24 hours, or as
    often on average since the machine started.

    ## Why it matters
    Each loss breaks the connections of a running job.

    ## Example
    `mlx5_1 port 1 (ib1): its link was lost 11 times a day on average.`

    ## Severity
    Warning.

    ## Fix
    Manual: cable, transceiver and the switch's port.

    ## Source
    Azure check_ib_link_flapping (5 in 24 h), which reads the same from the system's log.
    """
    node = view.facts.node
    if node is None:
        return
    up = view.facts.network.interfaces if view.facts.network else None
    if up is None and any(port.interface for port in active(view)):
        yield Gap(section="network", subject="interfaces", reason=NOT_RECORDED)
    losses = {one.name: one.downs for one in up or ()}
    for port in active(view):
        if port.interface not in losses:
            continue  # no interface, or one that is down: its losses say nothing
        lost = losses[port.interface]
        if lost is None:
            yield port_gap(port, "losses of carrier")
        elif node.uptime is None:
            yield missing(node, "uptime")
        elif limit("carrier_losses").reached(mean := lost / max(node.uptime / _DAY, 1.0)):
            yield Fault(
                severity=WARNING,
                subject=port_name(port),
                message=f"{port_name(port)} ({port.interface}): its link was lost {mean:.0f} times a day on "
                "average.",
                payload=NodeFault("port"),
            )

"""NET1204."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import missing, port_gap, port_name, ports
from gpufix.evidence.view import View
from gpufix.knowledge.node import counters
from gpufix.model import Gap, RdmaCounters
from gpufix.model.payload import NodeFault


@rule("NET1204", "port-errors")
def port_errors(view: View) -> Iterator[Fault | Gap]:
    """An InfiniBand or RoCE port has errors.

    ## What it does
    Takes each port's counters twice. What rises now, and means since the machine started, are held
    against limits; a total proves nothing.

    ## Why it matters
    Packets are lost or sent again: collectives are slow, or end with an error of the transport.

    ## Example
    `mlx5_2 port 1: symbol_error rose by 31 in 0.3 s.`

    ## Severity
    Warning.

    ## Fix
    Manual: cable, transceiver and the switch's port.

    ## Source
    NVIDIA/NVSentinel health-monitors/nic-health-monitor/pkg/config/config.go @cb777ddc. ROCm/cvs
    reports any total above 0, and with it any link that was ever down.
    """
    node = view.facts.node
    if node is None:
        return
    if node.rdma is None:
        yield missing(node, "rdma")
        return
    for port in ports(view):
        found = node.rdma.get(f"{port.device}/{port.port}")
        if found is None or not found.total or found.total.keys() != found.risen.keys():
            yield port_gap(port, "counters")
        elif node.uptime is None:
            yield missing(node, "uptime")
            return
        else:
            lines = tuple(_over(found, node.uptime))
            if lines:
                yield Fault(
                    severity=WARNING,
                    subject=port_name(port),
                    message=f"{port_name(port)}: {lines[0]}.",
                    evidence=lines[1:],
                    payload=NodeFault("port"),
                )


def _over(port: RdmaCounters, uptime: float) -> Iterator[str]:
    for counter in counters():
        risen, total = port.risen.get(counter.name, 0), port.total.get(counter.name, 0)
        mean = total * counter.seconds / max(uptime, counter.seconds)
        if counter.per == "rise":
            if risen > counter.over:
                yield f"{counter.name} rose by {risen} in {port.seconds:.1f} s"
        elif risen > counter.over:  # within less than the time that the limit is for
            yield f"{counter.name} rose by {risen} in {port.seconds:.1f} s"
        elif mean > counter.over:
            yield f"{counter.name}: {mean:.0f} a {counter.per} since the machine started"

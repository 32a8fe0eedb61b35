"""NET1201."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import no_network, port_gap, port_name, ports
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NET1201", "port-down")
def port_down(view: View) -> Iterator[Fault | Gap]:
    """An InfiniBand port has no link.

    ## What it does
    Reads the physical state of each InfiniBand port: anything but LinkUp. A port that somebody
    disabled is no fault.

    ## Why it matters
    NCCL uses the ports that are up: it is slower than on other nodes, and the slowest node sets the
    pace.

    ## Example
    `mlx5_3 port 1 has no link (Polling).`

    ## Severity
    Warning. RoCE ports that are down are not judged: few machines use every Ethernet port.

    ## Fix
    Manual: cable, transceiver and the switch's port.

    ## Source
    facebookresearch/gcm check_iblink (LINK_NOT_UP), check_ibstat; mej/nhc 9c4a38c0
    scripts/lbnl_hw.nhc check_hw_ib; NVIDIA/NVSentinel docs/configuration/nic-health-monitor.md
    @07b82dc2.
    """
    yield from no_network(view)
    for port in ports(view):
        if port.layer is None or port.physical is None:
            yield port_gap(port, "link")
        elif port.layer == "InfiniBand" and port.physical not in ("LinkUp", "Disabled"):
            yield Fault(
                severity=WARNING,
                subject=port_name(port),
                message=f"{port_name(port)} has no link ({port.physical}).",
                payload=NodeFault("port"),
            )

"""NET1203."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import port_gap, port_name
from gpufix.evidence.rdma_ports import active
from gpufix.evidence.view import View
from gpufix.model import Gap, InfinibandPort
from gpufix.model.payload import NodeFault

_RATE = re.compile(r"(\d+(?:\.\d+)?) Gb/sec")


@rule("NET1203", "port-slow")
def port_slow(view: View) -> Iterator[Fault | Gap]:
    """A port runs slower than the node's other ports of its model.

    ## What it does
    Compares the rates of active ports of one board and link layer.

    ## Why it matters
    A cable or transceiver has trained to fewer lanes or a lower speed. Collectives wait for it.

    ## Example
    `mlx5_5 port 1 runs at 200 Gb/sec (2X NDR); 7 others of its model at 400 Gb/sec (4X NDR).`

    ## Severity
    Warning. What the rate should be nobody has said: nodes are compared by `gpufix fleet doctor`.

    ## Fix
    Manual: cable, transceiver and the switch's port.

    ## Source
    facebookresearch/gcm check_iblink (LINK_RATE_MISMATCH) and Azure check_hw_ib compare with a rate
    that somebody configured.
    """
    models: dict[tuple[str | None, str | None], list[tuple[float, InfinibandPort]]] = {}
    for port in active(view):
        rate = _RATE.match(port.rate or "")
        if rate is None:
            yield port_gap(port, "rate")
        elif port.board is None:
            yield port_gap(port, "model")
        else:
            models.setdefault((port.board, port.layer), []).append((float(rate[1]), port))
    for found in models.values():
        best = max(own for own, _ in found)
        usual = next(port.rate for own, port in found if own == best)
        others = sum(own == best for own, _ in found)
        for own, port in found:
            if own < best:
                who = f"{others} others of its model" if others > 1 else "another of its model"
                yield Fault(
                    severity=WARNING,
                    subject=port_name(port),
                    message=f"{port_name(port)} runs at {port.rate}; {who} at {usual}.",
                    payload=NodeFault("port"),
                )

"""NOD1121."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label, missing, no_second
from gpufix.evidence.view import View
from gpufix.knowledge.node import replays
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1121", "pcie-replays")
def pcie_replays(view: View) -> Iterator[Fault | Gap]:
    """A GPU's PCIe link repeats more packets than it may.

    ## What it does
    Holds the replays while somebody looks, and their mean since the machine started, against what a
    bit error rate of 1e-12 allows for the link's generation and lanes.

    ## Why it matters
    Packets arrive damaged and are sent again: the link is slow, and may fail.

    ## Example
    `GPU 1: 412 PCIe replays a minute since the machine started; 31 are allowed.`

    ## Severity
    Warning. A total proves nothing by itself; a mean over the limit proves that some minute was
    over it.

    ## Fix
    Manual: the card's seating, riser and slot.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) modules/health/DcgmHealthWatch.cpp GetExpectedPcieReplayRate.
    """
    node = view.facts.node
    if node is None:
        return
    for gpu in known(view, "pcie_replays", "risen", "pcie_generation_max", "pcie_width_max"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        if node.uptime is None:
            yield missing(node, "uptime")
            return
        allowed = replays(gpu.pcie_generation_max or 1, gpu.pcie_width_max or 1)
        mean = (gpu.pcie_replays or 0) * 60 / max(node.uptime, 60.0)
        now = (gpu.risen or {}).get("pcie_replays")
        if now is None:
            yield no_second(gpu, "pcie_replays")
            continue
        if mean > allowed or now > allowed:
            found = f"{now} PCIe replays in {node.look or 0:.1f} s"
            if mean > allowed:
                found = f"{mean:.0f} PCIe replays a minute since the machine started"
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: {found}; {allowed} are allowed a minute.",
                payload=NodeFault("slot"),
            )

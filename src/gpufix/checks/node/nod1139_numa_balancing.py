"""NOD1139."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.node_readings import missing, on_bus
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1139", "numa-balancing")
def numa_balancing(view: View) -> Iterator[Fault | Gap]:
    """The kernel moves memory between NUMA nodes below AMD GPUs.

    ## What it does
    Reads the kernel's setting, on machines with AMD GPUs and several NUMA nodes.

    ## Why it matters
    Pages that GPUs use are unmapped to see who touches them: kernels stall.

    ## Example
    `Automatic NUMA balancing is on, on 2 NUMA nodes.`

    ## Severity
    Advice.

    ## Fix
    Manual: it is turned off.

    ## Source
    AMD's Instinct system optimization guides; ROCm/cvs dddd9143
    cvs/tests/platform/host_configs_cvs.py.
    """
    node = view.facts.node
    if node is None or not on_bus(view, "amd"):
        return
    for name in ("numa_nodes", "numa_balancing"):
        if getattr(node, name) is None:
            yield missing(node, name)
    if node.numa_balancing and (node.numa_nodes or 0) > 1:
        yield Fault(
            severity=ADVICE,
            subject="NUMA balancing",
            message=f"Automatic NUMA balancing is on, on {node.numa_nodes} NUMA nodes.",
            payload=NodeFault("numa-balancing"),
        )

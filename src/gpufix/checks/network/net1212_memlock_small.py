"""NET1212."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import missing
from gpufix.evidence.rdma_ports import active
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NET1212", "memlock-small")
def memlock_small(view: View) -> Iterator[Fault | Gap]:
    """Little memory may be locked, which RDMA needs.

    ## What it does
    Reads this process's limit of locked memory, on a node with active RDMA ports: less than 32 GB.

    ## Why it matters
    Registering memory fails: "ibv_reg_mr failed with error Cannot allocate memory".

    ## Example
    `8 RDMA ports are active, and 64 KiB of memory may be locked; 32 GB are enough.`

    ## Severity
    Warning.

    ## Fix
    Manual: the limit is raised.

    ## Source
    ROCm/cvs dddd9143 cvs/lib/preflight/node_smoke.py (32 GB); NCCL's troubleshooting, "Memory
    locked limit". Without RDMA the limit does not matter.
    """
    node = view.facts.node
    found = active(view)
    if node is None or not found:
        return
    if node.memlock is None:
        yield missing(node, "memlock")
    elif node.memlock >= 0 and not limit("memlock").reached(node.memlock):
        yield Fault(
            severity=WARNING,
            subject="locked memory",
            message=f"{counted(len(found), 'RDMA port')} {'is' if len(found) == 1 else 'are'} active, and "
            f"{node.memlock / 1024:,.0f} KiB of memory may be locked; 32 GB are enough.",
            payload=NodeFault("lock-memory"),
        )

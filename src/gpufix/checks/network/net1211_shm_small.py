"""NET1211."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.node_readings import missing, on_bus
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NET1211", "shm-small")
def shm_small(view: View) -> Iterator[Fault | Gap]:
    """/dev/shm is small.

    ## What it does
    Reads the size of /dev/shm on a node with GPUs: less than 8 GB.

    ## Why it matters
    NCCL between processes and DataLoader's workers keep their buffers there: "unable to open shared
    memory object", bus errors.

    ## Example
    `/dev/shm holds 64 MiB; 8 GB are enough.`

    ## Severity
    Warning with several GPUs; advice with one.

    ## Fix
    Manual: in containers, the size is an option.

    ## Source
    ROCm/cvs dddd9143 cvs/lib/preflight/node_smoke.py (8 GB); Docker's default is 64 MiB; NCCL's
    troubleshooting, "Docker".
    """
    node = view.facts.node
    gpus = on_bus(view, "nvidia") + on_bus(view, "amd")
    if node is None or not gpus:
        return
    if node.shm is None:
        yield missing(node, "shm")
    elif not limit("shm").reached(node.shm):
        yield Fault(
            severity=WARNING if len(node.gpus or ()) > 1 else ADVICE,
            subject="/dev/shm",
            message=f"/dev/shm holds {node.shm / 2**20:,.0f} MiB; 8 GB are enough.",
            payload=NodeFault("shm"),
        )

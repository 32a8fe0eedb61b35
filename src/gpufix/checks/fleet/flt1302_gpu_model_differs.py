"""FLT1302: `gpufix fleet` reports it, beside what differs."""

from __future__ import annotations

from gpufix.checks.registry import page

RULE = page(
    "FLT1302",
    "gpu-model-differs",
    """The GPUs of a node are of another model than those of its peers.

    ## What it does
    Compares the names and memory sizes of GPUs between nodes.

    ## Why it matters
    The slowest GPU sets the pace of a job, the smallest memory its batch.

    ## Example
    `gpus NVIDIA H100 80GB HBM3 80 GiB: 8 of them on node[01-07] · absent on node08`

    ## Severity
    None: `gpufix fleet` exits with 1 for any difference, unless `--fail-on never` says otherwise.

    ## Fix
    None: which of the nodes is right is for you to say.

    ## Source
    NVML, or the KFD's topology, on each node.
    """,
)

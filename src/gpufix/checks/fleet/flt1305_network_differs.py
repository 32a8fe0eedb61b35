"""FLT1305: `gpufix fleet` reports it, beside what differs."""

from __future__ import annotations

from gpufix.checks.registry import page

RULE = page(
    "FLT1305",
    "network-differs",
    """A node's network is not as that of its peers.

    ## What it does
    Compares interfaces, the state and rate of InfiniBand ports, rdma-core and NCCL's files between nodes.

    ## Why it matters
    Collectives run at the speed of the slowest port; an interface of another name makes NCCL fail on that node.

    ## Example
    `network mlx5_3 port 1: ACTIVE, 400 Gb/sec (4X NDR), InfiniBand on node[01-07] · DOWN, 10 Gb/sec (4X SDR), InfiniBand on node08`

    ## Severity
    None: `gpufix fleet` exits with 1 for any difference, unless `--fail-on never` says otherwise.

    ## Fix
    None: which of the nodes is right is for you to say.

    ## Source
    The kernel's lists in /sys/class/net and /sys/class/infiniband on each node.
    """,
)

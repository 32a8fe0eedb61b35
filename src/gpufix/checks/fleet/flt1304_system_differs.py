"""FLT1304: `gpufix fleet` reports it, beside what differs."""

from __future__ import annotations

from gpufix.checks.registry import page

RULE = page(
    "FLT1304",
    "system-differs",
    """A node's operating system is of another release than those of its peers.

    ## What it does
    Compares kernel, distribution and C library between nodes.

    ## Why it matters
    A library that loads on one node does not on another; a kernel of another release lacks what RDMA needs.

    ## Example
    `system kernel: 6.8.0 on node[01-07] · 5.15.0 on node08`

    ## Severity
    None: `gpufix fleet` exits with 1 for any difference, unless `--fail-on never` says otherwise.

    ## Fix
    None: which of the nodes is right is for you to say.

    ## Source
    uname, os-release and the C library on each node.
    """,
)

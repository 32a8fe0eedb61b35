"""FLT1303: `gpufix fleet` reports it, beside what differs."""

from __future__ import annotations

from gpufix.checks.registry import page

RULE = page(
    "FLT1303",
    "driver-differs",
    """A node's driver is of another version or kind than those of its peers.

    ## What it does
    Compares the driver's libraries, kernel module, flavour and CUDA between nodes.

    ## Why it matters
    A program that needs the newer one fails on some ranks only; others wait for them.

    ## Example
    `driver NVIDIA driver: 570.86.10 on node[01-07] · 550.54.14 on node08`

    ## Severity
    None: `gpufix fleet` exits with 1 for any difference, unless `--fail-on never` says otherwise.

    ## Fix
    None: which of the nodes is right is for you to say.

    ## Source
    NVML and /proc/driver/nvidia on each node.
    """,
)

"""FLT1301: `gpufix fleet` reports it, beside what differs."""

from __future__ import annotations

from gpufix.checks.registry import page

RULE = page(
    "FLT1301",
    "gpu-count-differs",
    """A node has fewer GPUs than its peers, or more.

    ## What it does
    Compares the number of GPUs that the driver lists, and of those on PCI, between nodes.

    ## Why it matters
    A job that asks for eight GPUs does not start there, or starts with a rank less and hangs.

    ## Example
    `gpus count: 8 on node[01-06,08] · 7 on node07`

    ## Severity
    None: `gpufix fleet` exits with 1 for any difference, unless `--fail-on never` says otherwise.

    ## Fix
    None: which of the nodes is right is for you to say.

    ## Source
    facebookresearch/gcm gpu_num and Azure check_gpu_count compare with a number that somebody configured; here with the majority.
    """,
)

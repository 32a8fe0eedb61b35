"""FLT1306: `gpufix fleet` reports it, beside what differs."""

from __future__ import annotations

from gpufix.checks.registry import page

RULE = page(
    "FLT1306",
    "node-setting-differs",
    """A setting of a node's hardware is not as on its peers.

    ## What it does
    Compares ECC, MIG, compute and persistence mode, VBIOS, PCIe links, the IOMMU, limits and modules between nodes.

    ## Why it matters
    The node is slower, or fails where the others do not; nothing in its software differs.

    ## Example
    `node VBIOS: 96.00.74.00.01 on node[01-07] · 96.00.61.00.01 on node08`

    ## Severity
    None: `gpufix fleet` exits with 1 for any difference, unless `--fail-on never` says otherwise.

    ## Fix
    None: which of the nodes is right is for you to say.

    ## Source
    What `gpufix doctor --node` reads on each node.
    """,
)

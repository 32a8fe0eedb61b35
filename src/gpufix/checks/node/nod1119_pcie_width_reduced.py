"""NOD1119."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1119", "pcie-width-reduced")
def pcie_width_reduced(view: View) -> Iterator[Fault | Gap]:
    """A GPU's PCIe link has fewer lanes than GPU and slot have.

    ## What it does
    Compares the width of the link with the highest that both ends allow: NVML's for NVIDIA, that of
    each link up to the root for AMD.

    ## Why it matters
    Copies to and from the GPU take a multiple of the time. A bad contact or riser is the usual
    cause.

    ## Example
    `GPU 2: its PCIe link has 8 of 16 lanes.`

    ## Severity
    Warning. A slot with fewer lanes than the card is no fault, nor is a chip whose link has one
    lane by design.

    ## Fix
    Manual: the card's seating, riser and slot settings.

    ## Source
    NVIDIA/NVSentinel fabric-manager-monitor pcie_check.py @d3d9f59f; facebookresearch/gcm
    check_pci.py (against a manifest).
    """
    for gpu in known(view, "pcie_width", "pcie_width_max", vendor=None):
        if isinstance(gpu, Gap):
            yield gpu
        elif 0 < (gpu.pcie_width or 0) < (gpu.pcie_width_max or 0):
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: its PCIe link has {gpu.pcie_width} of {gpu.pcie_width_max} lanes.",
                payload=NodeFault("slot"),
            )

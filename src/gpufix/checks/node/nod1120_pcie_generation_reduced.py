"""NOD1120."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1120", "pcie-generation-reduced")
def pcie_generation_reduced(view: View) -> Iterator[Fault | Gap]:
    """A GPU under load uses a slower PCIe generation than GPU and slot have.

    ## What it does
    Compares the link's generation with the highest that both ends allow, where the GPU works in its
    fastest state.

    ## Why it matters
    Each generation less halves the bandwidth.

    ## Example
    `GPU 0 works, and its PCIe link is of generation 3 of 5.`

    ## Severity
    Warning. At rest GPUs lower the generation on purpose: a reduced one is then no fault, and a
    gap, since nobody can tell.

    ## Fix
    Manual: the card's seating, riser and slot settings.

    ## Source
    nvml.h: nvmlDeviceGetCurrPcieLinkGeneration; NVIDIA/NVSentinel pcie_check.py @d3d9f59f compares
    at rest as well, and reports healthy GPUs.
    """
    for gpu in known(
        view, "pcie_generation", "pcie_generation_max", "performance_state", "utilization"
    ):
        if isinstance(gpu, Gap):
            yield gpu
        elif 0 < (gpu.pcie_generation or 0) < (gpu.pcie_generation_max or 0):
            of = f"generation {gpu.pcie_generation} of {gpu.pcie_generation_max}"
            if gpu.performance_state or not gpu.utilization:
                subject = f"PCIe generation of {label(gpu)}"
                yield Gap(
                    section="node", subject=subject, reason=f"{of} at rest, which tells nothing"
                )
                continue
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)} works, and its PCIe link is of {of}.",
                payload=NodeFault("slot"),
            )

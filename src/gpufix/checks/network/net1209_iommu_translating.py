"""NET1209."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import missing
from gpufix.evidence.rdma_ports import active
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NET1209", "iommu-translating")
def iommu_translating(view: View) -> Iterator[Fault | Gap]:
    """The IOMMU translates every access between devices.

    ## What it does
    Reads the type of each GPU's IOMMU group, on real machines with several GPUs or RDMA ports.

    ## Why it matters
    Copies between GPUs, and between GPU and network, take the way through the root complex, and
    some fail or are corrupted.

    ## Example
    `The IOMMU translates for 8 GPUs (DMA-FQ).`

    ## Severity
    Warning. Silent in virtual machines, and for an IOMMU that is off or passes through.

    ## Fix
    Manual: the kernel's parameter iommu=pt.

    ## Source
    Linux Documentation/ABI/testing/sysfs-kernel-iommu_groups (DMA, DMA-FQ, identity); NCCL's
    troubleshooting; ROCm/cvs asks for iommu=pt even where the IOMMU is off, which is no fault.
    """
    node = view.facts.node
    if node is None:
        return
    if node.pci is None:
        yield missing(node, "pci")
        return
    gpus = [gpu for gpu in node.pci if gpu.driver in ("nvidia", "amdgpu")]
    if not gpus or (len(gpus) < 2 and not active(view)) or node.virtual:
        return
    if node.virtual is None:
        yield missing(node, "virtual")
        return
    for gpu in gpus:
        if gpu.iommu is None:
            subject = f"IOMMU group of {gpu.address}"
            yield Gap(section="node", subject=subject, reason="its type cannot be read")
    kinds = sorted({gpu.iommu for gpu in gpus if gpu.iommu and gpu.iommu.startswith("DMA")})
    if kinds:
        number = sum(gpu.iommu in kinds for gpu in gpus)
        yield Fault(
            severity=WARNING,
            subject="IOMMU",
            message=f"The IOMMU translates for {counted(number, 'GPU')} ({', '.join(kinds)}).",
            payload=NodeFault("iommu"),
        )

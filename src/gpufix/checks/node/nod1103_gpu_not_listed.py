"""NOD1103."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import NOT_RECORDED, missing, numbered
from gpufix.evidence.view import View
from gpufix.model import Gap, PciGpu
from gpufix.model.payload import NodeFault


@rule("NOD1103", "gpu-not-listed")
def gpu_not_listed(view: View) -> Iterator[Fault | Gap]:
    """A GPU is on PCI, and NVML does not list it.

    ## What it does
    Compares NVIDIA's GPUs on PCI that its module drives with those that NVML lists, by address;
    tries to open the device node of one that is missing.

    ## Why it matters
    The driver could not start it: jobs see fewer GPUs, and ranks wait for those that are missing.

    ## Example
    `The GPU at 0000:3b:00.0 is driven by nvidia, and NVML does not list it.`

    ## Severity
    Error. Silent for a GPU whose device node may not be opened or is not there: schedulers and
    containers share GPUs out like that. Silent for GPUs that vfio or nobody drives.

    ## Fix
    Manual: the kernel's log says why; a reset or a restart of the machine follows.

    ## Source
    nvml.h: nvmlDeviceGetCount lists the GPUs that it could attach; facebookresearch/gcm and Azure
    compare counts with a number that somebody configured.
    """
    node = view.facts.node
    if node is None:
        return
    if node.pci is None:
        yield missing(node, "pci")
        return
    if node.gpus is None:
        yield missing(node, "gpus")
        return
    listed = {gpu.address for gpu in node.gpus}
    nameless = [gpu for gpu in node.gpus if gpu.address is None and not gpu.error]
    if nameless:
        yield Gap(section="node", subject=f"address of {numbered(nameless)}", reason=NOT_RECORDED)
    if None in listed:  # it may be any of them
        return
    for gpu in node.pci:
        if gpu.address not in listed and gpu.alive is not False and _is_meant(gpu):
            yield Fault(
                severity=ERROR,
                subject=f"GPU at {gpu.address}",
                message=f"The GPU at {gpu.address} is driven by nvidia, and NVML does not list it.",
                evidence=(f"opening {gpu.node}: {gpu.opens}",) if gpu.opens else (),
                payload=NodeFault("reset"),
            )


def _is_meant(gpu: PciGpu) -> bool:
    """Whether this process would be given it."""
    return gpu.driver == "nvidia" and gpu.opens in ("yes", "EIO", "ENXIO", "ENODEV")

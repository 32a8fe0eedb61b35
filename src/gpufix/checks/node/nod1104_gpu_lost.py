"""NOD1104."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import label, missing
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1104", "gpu-lost")
def gpu_lost(view: View) -> Iterator[Fault | Gap]:
    """A GPU no longer answers.

    ## What it does
    Reads NVML's refusal (GPU is lost) and the first bytes of the GPU's PCI configuration space: all
    ones from a device that is gone.

    ## Why it matters
    It fell off the bus, for lack of power, by heat or a bad slot. Programs on it end, and NVML's
    calls can hang.

    ## Example
    `GPU 3 no longer answers: GPU is lost.`

    ## Severity
    Error.

    ## Fix
    Manual: a restart of the machine; if it comes again, power, cooling and seating.

    ## Source
    nvml.h: NVML_ERROR_GPU_IS_LOST (15); Xid 79; the PCI specification: a read without a target
    returns all ones.
    """
    node = view.facts.node
    if node is None:
        return
    if node.gpus is None:
        yield missing(node, "gpus")
    gone = {gpu.address for gpu in node.gpus or () if gpu.lost}
    for gpu in node.gpus or ():
        if gpu.lost:
            yield _fault(label(gpu), gpu.error or "GPU is lost")
        elif gpu.error and not gpu.reset_required:
            yield Gap(section="node", subject=label(gpu), reason=gpu.error)
    if node.pci is None:
        yield missing(node, "pci")
    for device in node.pci or ():
        if device.alive is None:
            subject = f"PCI configuration of {device.address}"
            yield Gap(section="node", subject=subject, reason="it cannot be read")
        elif not device.alive and device.address not in gone:
            yield _fault(f"GPU at {device.address}", "its PCI configuration reads all ones")


def _fault(subject: str, reason: str) -> Fault:
    return Fault(
        severity=ERROR,
        subject=subject,
        message=f"{subject} no longer answers: {reason}.",
        payload=NodeFault("reboot"),
    )

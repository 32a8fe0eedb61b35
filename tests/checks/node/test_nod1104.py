"""NOD1104: GPUs that no longer answer."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1104_gpu_lost import gpu_lost
from gpufix.checks.registry import ERROR, Fault
from gpufix.model.payload import NodeFault


def fault(subject: str, reason: str) -> Fault:
    return Fault(
        ERROR, subject, f"{subject} no longer answers: {reason}.", payload=NodeFault("reboot")
    )


SILENT = {
    **n.WELL,
    "a GPU that gives no access for another reason": Unseen(
        n.of(n.gpu(0), n.gpu(1, error="No permission")), ["GPU 1"]
    ),
    "a reset is required: another rule says so": n.of(
        n.gpu(0, error="Reset required", reset_required=True)
    ),
    "a configuration space that cannot be read": Unseen(
        n.of(n.gpu(0), pci=[n.pci(0, alive=None)]), ["PCI configuration of 0000:10:00.0"]
    ),
    "NVML hung": Unseen(n.without(n.healthy(), gpus=None), ["GPUs"]),
    "nobody looked at the bus": Unseen(n.without(n.healthy(), pci=None), ["GPUs on PCI"]),
}

FIRING = {
    "NVML says so": Fires(
        n.of(n.gpu(0), n.gpu(1, error="GPU is lost", lost=True)),
        fault("GPU 1", "GPU is lost"),
        offers=n.OFFER,
    ),
    "the bus says so": Fires(
        n.of(n.gpu(0), pci=[n.pci(0), n.pci(1, alive=False)]),
        fault("GPU at 0000:11:00.0", "its PCI configuration reads all ones"),
        offers=n.OFFER,
    ),
    "both: it is said once": Fires(
        n.of(n.gpu(0, error="GPU is lost", lost=True), pci=[n.pci(0, alive=False)]),
        fault("GPU 0", "GPU is lost"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(gpu_lost, SILENT, FIRING)

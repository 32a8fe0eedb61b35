"""NOD1105."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap, NodeGpu, Severity
from gpufix.model.payload import NodeFault, NodeRemedy

_ACTIONS: dict[int, tuple[Severity, str, NodeRemedy]] = {
    1: (ERROR, "reset the GPU", "reset"),
    2: (ERROR, "restart the machine", "reboot"),
    3: (WARNING, "end the programs that use it as a peer", "drain"),
    4: (ERROR, "let its work end, then reset it", "drain"),
    5: (WARNING, "recover the IMEX domain", "examine"),
    6: (ERROR, "reset its bus", "reset"),
    7: (ERROR, "restart the system", "reboot"),
}


@rule("NOD1105", "recovery-needed")
def recovery_needed(view: View) -> Iterator[Fault | Gap]:
    """The driver itself asks for a recovery of a GPU.

    ## What it does
    Reads the driver's recovery action of each GPU, and NVML's refusal where a reset is required.

    ## Why it matters
    After some faults a GPU runs nothing until it has been reset, or the machine restarted. The
    driver knows which it is.

    ## Example
    `The driver asks for GPU 2: reset the GPU.`

    ## Severity
    Error; warning for the actions that leave work running (drain peers, IMEX domain).

    ## Fix
    Manual: what the driver names.

    ## Source
    nvml.h: NVML_FI_DEV_GET_GPU_RECOVERY_ACTION (230), NVML_ERROR_RESET_REQUIRED (16); NVIDIA/DCGM
    v4.6.0 (72fa3fe) modules/health/DcgmHealthWatch.cpp MonitorGpuRecoveryAction.
    """
    node = view.facts.node
    for gpu in (node.gpus or ()) if node else ():
        if gpu.reset_required and not gpu.lost:
            yield _fault(gpu, _ACTIONS[1])
    for found in known(view, "recovery_action"):
        if isinstance(found, Gap):
            yield found
        elif found.recovery_action:
            words = f"action {found.recovery_action}, which gpufix does not know"
            yield _fault(found, _ACTIONS.get(found.recovery_action, (WARNING, words, "examine")))


def _fault(gpu: NodeGpu, action: tuple[Severity, str, NodeRemedy]) -> Fault:
    severity, words, remedy = action
    return Fault(
        severity=severity,
        subject=label(gpu),
        message=f"The driver asks for {label(gpu)}: {words}.",
        payload=NodeFault(remedy, gpu=gpu.index),
    )

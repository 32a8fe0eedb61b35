"""NOD1105: the recovery that the driver asks for."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1105_recovery_needed import recovery_needed
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault, NodeRemedy

ACTIONS: list[tuple[int, Severity, str, NodeRemedy]] = [
    (1, ERROR, "reset the GPU", "reset"),
    (2, ERROR, "restart the machine", "reboot"),
    (3, WARNING, "end the programs that use it as a peer", "drain"),
    (4, ERROR, "let its work end, then reset it", "drain"),
    (5, WARNING, "recover the IMEX domain", "examine"),
    (6, ERROR, "reset its bus", "reset"),
    (7, ERROR, "restart the system", "reboot"),
    (8, WARNING, "action 8, which gpufix does not know", "examine"),
]


def fault(severity: Severity, words: str, remedy: NodeRemedy) -> Fault:
    return Fault(
        severity,
        "GPU 0",
        f"The driver asks for GPU 0: {words}.",
        payload=NodeFault(remedy, gpu=0),
    )


SILENT = {
    **n.WELL,
    "an old driver does not know the question": Unseen(
        n.of(
            n.gpu(
                recovery_action=None,
                unread={"recovery_action": "the driver does not know this question"},
            )
        ),
        ["recovery action of GPU 0"],
    ),
    "a GPU that is lost: another rule says so": n.of(
        n.gpu(error="GPU is lost", lost=True, reset_required=True)
    ),
}

FIRING = {
    **{
        f"action {number}": Fires(
            n.of(n.gpu(recovery_action=number)), fault(severity, words, remedy), offers=n.OFFER
        )
        for number, severity, words, remedy in ACTIONS
    },
    "NVML refuses: a reset is required": Fires(
        n.of(n.gpu(error="Reset required", reset_required=True)),
        fault(ERROR, "reset the GPU", "reset"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(recovery_needed, SILENT, FIRING)

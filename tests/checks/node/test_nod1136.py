"""NOD1136: faults of AMD GPUs in the kernel's log."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1136_amd_kernel_errors import amd_kernel_errors
from gpufix.checks.registry import WARNING, Fault
from gpufix.model import KernelLog, LogEvent
from gpufix.model.payload import NodeFault


def event(text: str) -> LogEvent:
    return LogEvent(kind="amd", seconds=7.0, text=text, address="0000:05:00.0")


SILENT = {
    **n.WELL,
    "a closed log": Unseen(n.amd(log=None), ["kernel log"]),
    "a closed log, and no GPU of AMD": n.without(n.healthy(), log=None),
}

FIRING = {
    "a reset that failed": Fires(
        n.amd(log=KernelLog(events=[event("GPU reset begin!"), event("GPU reset(1) failed")])),
        Fault(
            WARNING,
            "kernel log of GPU 0",
            "GPU 0: the kernel's log has 2 lines on faults.",
            evidence=(
                "7 s after the start: GPU reset begin!",
                "7 s after the start: GPU reset(1) failed",
            ),
            payload=NodeFault("examine"),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(amd_kernel_errors, SILENT, FIRING)

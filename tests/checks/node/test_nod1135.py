"""NOD1135: GPUs that the driver could not start."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1135_driver_init_failed import driver_init_failed
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import KernelLog, LogEvent
from gpufix.model.payload import NodeFault


def log(*events: LogEvent) -> View:
    return n.having(node=n.node(log=KernelLog(events=list(events))))


def event(text: str) -> LogEvent:
    return LogEvent(kind="init", seconds=9.4, text=text, address="0000:07:00.0")


def fault(what: str, line: str) -> Fault:
    return Fault(
        WARNING,
        "GPU at 0000:07:00.0",
        f'GPU at 0000:07:00.0: the kernel\'s log has "{what}".',
        evidence=(f"9 s after the start: {line}",),
        payload=NodeFault("reset"),
    )


SILENT = {
    **n.WELL,
    "an Xid is another rule's": log(n.xid(79)),
    "a closed log": Unseen(n.without(n.healthy(), log=None), ["kernel log"]),
}

FIRING = {
    "it could not be started": Fires(
        log(event("NVRM: GPU 0000:07:00.0: RmInitAdapter failed! (0x62:0x40:2028)")),
        fault(
            "RmInitAdapter failed", "NVRM: GPU 0000:07:00.0: RmInitAdapter failed! (0x62:0x40:2028)"
        ),
        offers=n.OFFER,
    ),
    "it fell off the bus, without an Xid": Fires(
        log(event("NVRM: The NVIDIA GPU 0000:07:00.0 GPU has fallen off the bus")),
        fault("fallen off the bus", "NVRM: The NVIDIA GPU 0000:07:00.0 GPU has fallen off the bus"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(driver_init_failed, SILENT, FIRING)

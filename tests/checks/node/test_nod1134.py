"""NOD1134: Xids in the kernel's log."""

from __future__ import annotations

from dataclasses import replace

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1134_xid_logged import xid_logged
from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import KernelLog, LogEvent, Severity
from gpufix.model.payload import NodeFault

FELL = "GPU has fallen off the bus."
OTHER = LogEvent(kind="init", seconds=1.0, text="NVRM: RmInitAdapter failed!")


def log(*events: LogEvent) -> View:
    return n.having(node=n.node(log=KernelLog(events=list(events))))


def fault(severity: Severity, number: int, message: str) -> Fault:
    return Fault(
        severity,
        f"Xid {number} of GPU 0",
        message,
        evidence=(f"4211 s after the start: NVRM: Xid (PCI:0000:10:00): {number}, {FELL}",),
        payload=NodeFault("xid", xid=number),
    )


FAULT = fault(
    WARNING, 79, "GPU 0: Xid 79, GPU has fallen off the bus. NVIDIA: restart the machine."
)

SILENT = {
    **n.WELL,
    "other events": n.having(node=n.node(log=KernelLog(events=[OTHER]))),
    "a closed log": Unseen(n.without(n.healthy(), log=None), ["kernel log"]),
    "no GPU of NVIDIA": n.amd(log=KernelLog(events=[n.xid(79)])),
}

FIRING = {
    "a reset is asked for": Fires(log(n.xid(79, FELL)), FAULT, offers=n.OFFER),
    "a program's fault": Fires(
        log(n.xid(13, "Graphics Exception")),
        replace(
            fault(
                ADVICE,
                13,
                "GPU 0: Xid 13, Graphics Engine Exception. NVIDIA: restart the application.",
            ),
            evidence=(
                "4211 s after the start: NVRM: Xid (PCI:0000:10:00): 13, Graphics Exception",
            ),
        ),
        offers=n.OFFER,
    ),
    "twice: the last line is shown": Fires(
        log(n.xid(79, FELL, at=1.0), n.xid(79, FELL)),
        replace(FAULT, message=FAULT.message.replace("79,", "79 (2 times),")),
        offers=n.OFFER,
    ),
    "a GPU that NVML does not list, and an Xid that the catalogue does not know": Fires(
        log(n.xid(3, "x", address="0000:99:00.0")),
        Fault(
            WARNING,
            "Xid 3 of GPU at 0000:99:00.0",
            "GPU at 0000:99:00.0: Xid 3, not in NVIDIA's catalogue. NVIDIA: ask the vendor.",
            evidence=("4211 s after the start: NVRM: Xid (PCI:0000:99:00): 3, x",),
            payload=NodeFault("xid", xid=3),
        ),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(xid_logged, SILENT, FIRING)

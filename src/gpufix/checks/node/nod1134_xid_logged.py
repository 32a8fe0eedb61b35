"""NOD1134."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.node_log import logged, where
from gpufix.evidence.view import View
from gpufix.knowledge.node import xid
from gpufix.model import Gap, LogEvent, Severity
from gpufix.model.payload import NodeFault


@rule("NOD1134", "xid-logged")
def xid_logged(view: View) -> Iterator[Fault | Gap]:
    """The kernel's log has Xids: faults that NVIDIA's driver reports.

    ## What it does
    Reads the kernel's log since the machine started, and looks each Xid up in NVIDIA's catalogue.

    ## Why it matters
    An Xid says what failed, and what to do first: restart a program, reset the GPU, restart the
    machine.

    ## Example
    `GPU 3: Xid 79, GPU has fallen off the bus. NVIDIA: restart the machine.`

    ## Severity
    By NVIDIA's first action: warning for a reset, a restart or the vendor; advice where only a
    program is to be restarted, or nothing to be done. It may have been done since: the log does not
    say.

    ## Fix
    Manual: what NVIDIA's catalogue names.

    ## Source
    https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html.
    """
    seen: dict[tuple[str | None, int], list[LogEvent]] = {}
    for event in logged(view, "xid", "nvidia"):
        if isinstance(event, Gap):
            yield event
        elif event.number is not None:
            seen.setdefault((event.address, event.number), []).append(event)
    for (address, number), events in seen.items():
        about, at = xid(number), where(view, address)
        times = f" ({len(events)} times)" if len(events) > 1 else ""
        yield Fault(
            severity=Severity(about.severity),
            subject=f"Xid {number} of {at}",
            message=f"{at}: Xid {number}{times}, {about.meaning}. NVIDIA: {about.do}.",
            evidence=(f"{events[-1].seconds:.0f} s after the start: {events[-1].text}",),
            payload=NodeFault("xid", xid=number),
        )

"""The kernel's log of a node, for the rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gpufix.evidence.node_readings import missing, on_bus
from gpufix.evidence.view import View
from gpufix.model import Gap, LogEvent
from gpufix.model.host import Vendor


def logged(
    view: View, kind: Literal["xid", "init", "amd"], vendor: Vendor
) -> Iterator[LogEvent | Gap]:
    """The events of a kind, oldest first; a gap for a closed log. Without such a GPU, nothing."""
    node = view.facts.node
    if node is None or not on_bus(view, vendor):
        return
    if node.log is None:
        yield missing(node, "log")
        return
    yield from (event for event in node.log.events if event.kind == kind)


def logged_by_gpu(
    view: View, kind: Literal["init", "amd"], vendor: Vendor
) -> Iterator[tuple[str, list[LogEvent]] | Gap]:
    """What a finding calls each GPU that has such events, and they, oldest first."""
    by_address: dict[str | None, list[LogEvent]] = {}
    for event in logged(view, kind, vendor):
        if isinstance(event, Gap):
            yield event
        else:
            by_address.setdefault(event.address, []).append(event)
    for address, events in by_address.items():
        yield where(view, address), events


def where(view: View, address: str | None) -> str:
    """What a finding calls the GPU at an address of PCI."""
    node = view.facts.node
    for gpu in (node.gpus or ()) if node else ():
        if address and gpu.address == address:
            return f"GPU {gpu.index}"
    return f"GPU at {address}" if address else "a GPU"

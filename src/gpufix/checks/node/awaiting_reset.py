"""NOD1114 and NOD1128: a mode that changes with the next reset of a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


def faults(view: View, mode: Literal["ecc", "mig"]) -> Iterator[Fault | Gap]:
    """One for each GPU of which the mode and the pending one differ."""
    current, pending = f"{mode}_current", f"{mode}_pending"
    for gpu in known(view, current, pending):
        if isinstance(gpu, Gap):
            yield gpu
        elif getattr(gpu, current) is not getattr(gpu, pending):
            now, then = ("on", "off") if getattr(gpu, current) else ("off", "on")
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: {mode.upper()} is {now}, and {then} after the next reset.",
                payload=NodeFault("mode-pending", gpu=gpu.index),
            )

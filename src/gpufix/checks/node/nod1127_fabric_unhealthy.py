"""NOD1127."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap, Severity
from gpufix.model.payload import NodeFault

_BITS = {
    0: (WARNING, "degraded bandwidth"),
    2: (WARNING, "a route in recovery"),
    4: (ERROR, "an unhealthy route"),
    6: (WARNING, "a recovery from access timeouts"),
}
_CONFIGURATION = 8
_SUMMARIES = {2: (ERROR, "that it is unhealthy"), 3: (WARNING, "limited capacity")}


@rule("NOD1127", "fabric-unhealthy")
def fabric_unhealthy(view: View) -> Iterator[Fault | Gap]:
    """The NVLink fabric of a GPU reports a fault.

    ## What it does
    Reads the health mask of the fabric: degraded bandwidth, routes that are unhealthy or
    recovering, access timeouts, a wrong configuration; and its summary.

    ## Why it matters
    Collectives are slow, or hang.

    ## Example
    `GPU 1: its NVLink fabric reports degraded bandwidth.`

    ## Severity
    Warning for less capacity and recoveries; error for unhealthy routes, a wrong configuration and
    the summary "unhealthy".

    ## Fix
    Manual: Fabric Manager's log names the link or switch.

    ## Source
    nvml.h: nvmlGpuFabricInfo_v3_t; NVIDIA/DCGM v4.6.0 (72fa3fe) modules/health/DcgmHealthWatch.cpp
    MonitorFabricFields.
    """
    for gpu in known(view, "fabric_health", "fabric_summary"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        found = list(_found(gpu.fabric_health or 0, gpu.fabric_summary or 0))
        if found:
            yield Fault(
                severity=max((severity for severity, _ in found), key=lambda s: s.rank),
                subject=label(gpu),
                message=f"{label(gpu)}: its NVLink fabric reports {', '.join(w for _, w in found)}.",
                payload=NodeFault("link", gpu=gpu.index),
            )


def _found(mask: int, summary: int) -> Iterator[tuple[Severity, str]]:
    """Two bits a fault: 0 not supported, 1 true, 2 false."""
    for shift, (severity, words) in _BITS.items():
        if mask >> shift & 0x3 == 1:
            yield severity, words
    if mask >> _CONFIGURATION & 0xF not in (0, 1):
        yield ERROR, "a wrong configuration"
    if summary in _SUMMARIES:
        yield _SUMMARIES[summary]

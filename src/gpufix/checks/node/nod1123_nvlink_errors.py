"""NOD1123."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label, missing, no_second
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap, NodeGpu, Severity
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted

_COUNTERS = ("nvlink_crc", "nvlink_replays", "nvlink_recoveries")


@rule("NOD1123", "nvlink-errors")
def nvlink_errors(view: View) -> Iterator[Fault | Gap]:
    """A GPU's NVLinks have errors now.

    ## What it does
    Takes the counters of replays, recoveries and CRC errors twice. Totals since the driver was
    loaded are not judged, but for a mean of CRC errors over the limit.

    ## Why it matters
    A link that repeats packets or trains again stops all that waits for it.

    ## Example
    `GPU 0: 2 NVLink replays in 0.1 s.`

    ## Severity
    Error for a replay or a recovery; warning for CRC errors, an error from 100 a second on.

    ## Fix
    Manual: a reset of the GPU, then a look at baseboard or bridge.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) modules/health/DcgmHealthWatch.cpp MonitorNVLink4Fields,
    common/DcgmGPUHardwareLimits.h DCGM_LIMIT_MAX_NVLINK_ERROR, DCGM_LIMIT_MAX_NVLINK_CRC_ERROR.
    """
    node = view.facts.node
    if node is None:
        return
    for gpu in known(view, *_COUNTERS, "risen"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        if node.look is None:
            yield missing(node, "look")
            return
        unsampled = [name for name in _COUNTERS if name not in (gpu.risen or {})]
        yield from (no_second(gpu, name) for name in unsampled)
        found = _found(gpu, node.look, node.uptime)
        if found:
            yield Fault(
                severity=found[0],
                subject=label(gpu),
                message=f"{label(gpu)}: {found[1]}.",
                payload=NodeFault("link", gpu=gpu.index),
            )


def _found(gpu: NodeGpu, look: float, uptime: float | None) -> tuple[Severity, str] | None:
    risen = gpu.risen or {}
    for name, word in (("nvlink_replays", "replay"), ("nvlink_recoveries", "recovery")):
        number = risen.get(name, 0)
        if limit("nvlink_errors").reached(number):
            plural = "recoveries" if word == "recovery" else "replays"
            return ERROR, f"{number} NVLink {word if number == 1 else plural} in {look:.1f} s"
    crc, most = risen.get("nvlink_crc", 0), limit("nvlink_crc")
    mean = (gpu.nvlink_crc or 0) / uptime if uptime else 0.0
    if most.reached(mean):
        return ERROR, f"{mean:.0f} NVLink CRC errors a second since the machine started"
    if crc:
        severity = ERROR if most.reached(crc / max(look, 0.001)) else WARNING
        return severity, f"{counted(crc, 'NVLink CRC error')} in {look:.1f} s"
    return None

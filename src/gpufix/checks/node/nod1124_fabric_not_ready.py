"""NOD1124."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_NOT_STARTED, _IN_PROGRESS, _COMPLETED = 1, 2, 3
_STATES = {_NOT_STARTED: "has not started", _IN_PROGRESS: "is in progress"}


@rule("NOD1124", "fabric-not-ready")
def fabric_not_ready(view: View) -> Iterator[Fault | Gap]:
    """A GPU is not part of its NVLink fabric: CUDA does not start on it.

    ## What it does
    Reads the state of the fabric's registration: not started, in progress, or ended with an error.

    ## Why it matters
    On machines with NVSwitches CUDA waits for Fabric Manager: error 802, "system not yet
    initialized".

    ## Example
    `GPU 0: its registration with the NVLink fabric has not started.`

    ## Severity
    Error; warning while it is in progress. "Not supported" is no fault: there is no NVSwitch.

    ## Fix
    Manual: Fabric Manager of the driver's version is started.

    ## Source
    nvml.h: nvmlDeviceGetGpuFabricInfoV; NVIDIA/DCGM v4.6.0 (72fa3fe)
    modules/health/DcgmHealthWatch.cpp MonitorFabricFields; NVIDIA/NVSentinel fabric_state_check.py
    @79ba920a.
    """
    for gpu in known(view, "fabric_state", "fabric_status"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        ended = gpu.fabric_state == _COMPLETED
        words = f"ended with error {gpu.fabric_status}" if ended and gpu.fabric_status else None
        words = words or _STATES.get(gpu.fabric_state or 0)
        if words:
            yield Fault(
                severity=WARNING if gpu.fabric_state == _IN_PROGRESS else ERROR,
                subject=label(gpu),
                message=f"{label(gpu)}: its registration with the NVLink fabric {words}.",
                payload=NodeFault("fabric-manager"),
            )

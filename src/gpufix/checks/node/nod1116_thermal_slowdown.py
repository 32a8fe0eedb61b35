"""NOD1116."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_BITS = {0x40: "hardware", 0x20: "driver"}


@rule("NOD1116", "thermal-slowdown")
def thermal_slowdown(view: View) -> Iterator[Fault | Gap]:
    """A GPU runs slower since it is too hot.

    ## What it does
    Reads the reasons of lower clocks twice: a thermal bit, of hardware or driver, that both samples
    have.

    ## Why it matters
    It computes at a part of its speed, and a collective waits for it.

    ## Example
    `GPU 3 runs slower: it is too hot (hardware), 91 °C.`

    ## Severity
    Warning. Idle, power cap, sync boost and application clocks are no faults: only the thermal bits
    count, not the whole mask.

    ## Fix
    Manual: fans, dust, inlet temperature.

    ## Source
    nvml.h: nvmlClocksEventReasonSwThermalSlowdown (0x20), HwThermalSlowdown (0x40); Azure
    check_gpu_clock_throttling and NVIDIA/NVSentinel clock_check.py compare the whole mask and
    report healthy GPUs.
    """
    for gpu in known(view, "clock_events"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        who = [words for bit, words in _BITS.items() if (gpu.clock_events or 0) & bit]
        if who:
            heat = f", {gpu.temperature} °C" if gpu.temperature is not None else ""
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)} runs slower: it is too hot ({', '.join(who)}){heat}.",
                payload=NodeFault("supply", gpu=gpu.index),
            )

"""NOD1118."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1118", "temperature-high")
def temperature_high(view: View) -> Iterator[Fault | Gap]:
    """A GPU is as hot as where its hardware slows down.

    ## What it does
    Compares the temperature with the slowdown temperature that the GPU itself names. No fixed
    number is right for all boards.

    ## Why it matters
    It slows down now or in a moment.

    ## Example
    `GPU 1 has 90 °C; it slows down at 90 °C.`

    ## Severity
    Warning.

    ## Fix
    Manual: fans, dust, inlet temperature.

    ## Source
    nvml.h: NVML_TEMPERATURE_THRESHOLD_SLOWDOWN; of AMD's cards temp1_crit of their hwmon;
    leptonai/gpud 4a8de33a temperature (margin).
    """
    for gpu in known(view, "temperature", "temperature_slowdown", vendor=None):
        if isinstance(gpu, Gap):
            yield gpu
        elif (gpu.temperature or 0) >= (gpu.temperature_slowdown or 0) > 0:
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)} has {gpu.temperature} °C; it slows down at "
                f"{gpu.temperature_slowdown} °C.",
                payload=NodeFault("supply", gpu=gpu.index),
            )

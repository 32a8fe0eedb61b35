"""Whether a GPU is idle and at full clocks: only then does a slow kernel mean something."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from gpufix.facts.machine import nvidia, nvml
from gpufix.process import Limits, NotStarted, Program, run

_REST_S = 1.5  # longer than the period over which drivers average utilization
_IDLE_PERCENT = 5
_SCRIPT = Path(__file__).with_name("nvml_watch.py")
T = TypeVar("T")


def at_rest(bus_id: str) -> bool | None:
    """Whether nobody else uses the whole, undivided device, while nothing of ours runs on it."""
    samples = _samples(bus_id, _REST_S)
    if len(samples) < 2 or samples[0].get("divided") is not False:
        return None
    try:
        return all(s["processes"] == 0 for s in samples[1:]) and (
            samples[-1]["busy"] <= _IDLE_PERCENT
        )
    except (KeyError, TypeError):
        return None


def during(bus_id: str, seconds: float, work: Callable[[], T]) -> tuple[T, bool | None]:
    """Do the work; whether anything lowered the clocks in the first `seconds` of it."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        watching = pool.submit(_samples, bus_id, seconds)
        done = work()
        samples = watching.result()[1:]
    if not samples or not all(isinstance(s.get("throttled"), bool) for s in samples):
        return done, None
    return done, any(s["throttled"] for s in samples)


def _samples(bus_id: str, seconds: float) -> list[dict[str, Any]]:
    """NVML's samples; none where it is absent, refuses or hangs (AMD's GPUs, too)."""
    module = nvidia.binding()
    if module is None or not bus_id:
        return []
    command: list[str | Path] = [sys.executable, "-I", "-S", "-B", _SCRIPT]
    command += [str(nvml.__file__), module, bus_id, str(seconds)]
    try:
        ended = run(Program(command), Limits(seconds + 10.0))
        lines = [json.loads(line) for line in ended.stdout.splitlines()]
    except (NotStarted, ValueError):
        return []
    return lines if ended.code == 0 and all(isinstance(x, dict) for x in lines) else []

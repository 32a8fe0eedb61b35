"""What a device can do at most, from what its driver says of it, and how near a case came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .lines import number
from .run import CaseResult

_RATES = Path(__file__).with_name("rates.json")
# GDDR6 moves 16 bits per pin in one period of the clock that AMD's driver reports; HBM, and every
# memory in the clock that NVIDIA's driver reports, two.
_HBM_BUS_BITS = 1024


@dataclass(frozen=True)
class Roofs:
    """Bytes per second and operations per second; None where the driver or the table is silent."""

    bandwidth: float | None
    fp32: float | None
    bf16: float | None

    def arithmetic(self, unit: str) -> float | None:
        return {"fp32": self.fp32, "bf16": self.bf16}[unit]


@dataclass(frozen=True)
class Achieved:
    """``fraction`` of the roof that binds: "bandwidth", "fp32" or "bf16"."""

    bound: str
    fraction: float


def roofs(device: Mapping[str, Any]) -> Roofs:
    """From the device line of any program of the suite. Dense rates, at the highest clock."""
    clock = _positive(device, "clock_khz")
    units = _positive(device, "units")
    rates = _rates(str(device.get("arch", "")), str(device.get("name", "")))
    per_second = clock * 1e3 * units if clock and units else None

    def rate(unit: str) -> float | None:
        return rates[unit] * per_second if per_second and rates.get(unit) else None

    return Roofs(_bandwidth(device), rate("fp32"), rate("bf16"))


def _bandwidth(device: Mapping[str, Any]) -> float | None:
    clock = _positive(device, "memory_clock_khz")
    bits = _positive(device, "bus_bits")
    if not clock or not bits or device.get("integrated"):
        return None  # shared memory: its rate is the host's, and the driver does not say it
    amd = str(device.get("arch", "")).startswith("gfx")
    per_pin = 16 if amd and bits < _HBM_BUS_BITS else 2
    return per_pin * clock * 1e3 * bits / 8


def achieved(case: CaseResult, limits: Roofs) -> Achieved | None:
    """The longest of the times that the roofs allow, over the median; None without any roof."""
    if case.time_ms is None or case.status != "valid":
        return None
    floors: list[tuple[float, str]] = []
    if case.bytes and limits.bandwidth:
        floors.append((case.bytes / limits.bandwidth, "bandwidth"))
    peak = limits.arithmetic(case.unit)
    if case.flops and peak:
        floors.append((case.flops / peak, case.unit))
    if not floors:
        return None
    seconds, bound = max(floors)
    return Achieved(bound, seconds / (case.time_ms.median / 1e3))


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_RATES.read_text(encoding="utf-8"))
    return table


def _rates(arch: str, name: str) -> dict[str, float]:
    """Operations per clock of one multiprocessor, as the runtime counts those."""
    row = dict(_table()["arch"].get(arch, {}))
    if "GeForce" in name and "bf16_geforce" in row:
        row["bf16"] = row["bf16_geforce"]
    return row


def _positive(device: Mapping[str, Any], key: str) -> float | None:
    """The programs print 0 for what a driver does not tell."""
    value = number(device.get(key))
    return value if value and value > 0 else None

"""Roofs from what a driver says."""

from __future__ import annotations

from typing import Any

import pytest

from gpufix.kernels.execute import CaseResult, Time, achieved, roofs

H200: dict[str, Any] = {
    "name": "NVIDIA H200", "arch": "sm_90", "units": 132, "clock_khz": 1980000,
    "memory_clock_khz": 3201000, "bus_bits": 6016, "integrated": False,
}  # fmt: skip
RTX_4090: dict[str, Any] = {
    "name": "NVIDIA GeForce RTX 4090", "arch": "sm_89", "units": 128, "clock_khz": 2520000,
    "memory_clock_khz": 10501000, "bus_bits": 384, "integrated": False,
}  # fmt: skip
MI250X_HALF: dict[str, Any] = {
    "name": "AMD Instinct MI250X", "arch": "gfx90a", "units": 110, "clock_khz": 1700000,
    "memory_clock_khz": 1600000, "bus_bits": 4096, "integrated": False,
}  # fmt: skip
RX_7900_XTX: dict[str, Any] = {
    "name": "Radeon RX 7900 XTX", "arch": "gfx1100", "units": 48, "clock_khz": 2500000,
    "memory_clock_khz": 1249000, "bus_bits": 384, "integrated": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("device", "gb_s", "fp32_tflops", "bf16_tflops"),
    [  # the vendors' datasheets, at the clocks that they name
        (H200, 4814, 66.9, 1070),
        (RTX_4090, 1008, 82.6, 165),
        (MI250X_HALF, 1638, 23.9, 191),
        (RX_7900_XTX, 959, 61.4, 122.9),
    ],
)
def test_roofs_match_the_datasheets(
    device: dict[str, Any], gb_s: float, fp32_tflops: float, bf16_tflops: float
) -> None:
    limits = roofs(device)
    assert limits.bandwidth == pytest.approx(gb_s * 1e9, rel=0.01)
    assert limits.fp32 == pytest.approx(fp32_tflops * 1e12, rel=0.01)
    assert limits.bf16 == pytest.approx(bf16_tflops * 1e12, rel=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"memory_clock_khz": 0},
        {"bus_bits": 0},
        {"bus_bits": None},
        {"memory_clock_khz": "3201000"},
        {"integrated": True},
    ],
)
def test_unknown_bandwidth_is_none(change: dict[str, Any]) -> None:
    assert roofs({**H200, **change}).bandwidth is None


def test_unknown_architectures_have_no_arithmetic_roof() -> None:
    limits = roofs({**H200, "arch": "sm_999"})
    assert (limits.fp32, limits.bf16) == (None, None)
    assert roofs({**RTX_4090, "arch": "sm_75"}).bf16 is None
    nothing = roofs({})
    assert (nothing.bandwidth, nothing.fp32, nothing.bf16) == (None, None, None)


def case(**fields: Any) -> CaseResult:
    return CaseResult("a", fields.pop("status", "valid"), time_ms=Time(1.0, 0.9, 1.1, 20), **fields)


def test_the_binding_roof_is_named() -> None:
    limits = roofs(H200)
    near = achieved(case(bytes=4.814e9 * 0.8, flops=1e6), limits)
    assert near is not None
    assert (near.bound, near.fraction) == ("bandwidth", pytest.approx(0.8, rel=0.01))
    near = achieved(case(bytes=1e6, flops=1.07e12 * 0.5, unit="bf16"), limits)
    assert near is not None
    assert (near.bound, near.fraction) == ("bf16", pytest.approx(0.5, rel=0.01))


def test_no_roof_no_fraction() -> None:
    assert achieved(case(), roofs(H200)) is None
    assert achieved(case(bytes=1e9), roofs({})) is None
    assert achieved(case(bytes=1e9, status="wrong"), roofs(H200)) is None
    assert achieved(CaseResult("a", "valid", bytes=1e9), roofs(H200)) is None

"""Launches by the driver itself, with a stand-in that reads what it is given."""

from __future__ import annotations

import ctypes
import importlib
import types
from typing import Any

import pytest

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")

SIGNATURE = {
    "x": "*fp32",
    "y": "*fp32",
    "n": "i32",
    "big": "i64",
    "scale": "fp32",
    "MODE": "constexpr",
}


def compiled(**changes: Any) -> Any:
    about = {"num_ctas": 1, "num_warps": 4, "shared": 96, "launch_cooperative_grid": False,
             "global_scratch_size": 0, **changes.pop("metadata", {})}  # fmt: skip
    given = {"function": 77, "metadata": types.SimpleNamespace(**about)}
    source = types.SimpleNamespace(signature=changes.pop("signature", SIGNATURE))
    return types.SimpleNamespace(src=source, **{**given, **changes})


@pytest.fixture
def driver(fused: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, and in ``seen`` what the driver was asked."""
    module = importlib.import_module("fused_ssim._driver")
    seen: list[Any] = []

    def launch(function: int, *rest: Any) -> int:
        *sizes, stream, parameters, extra = rest
        kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_float)
        values = [kind.from_address(at).value for kind, at in zip(kinds, parameters, strict=False)]
        scratch = [ctypes.c_void_p.from_address(at).value for at in parameters[len(kinds) :]]
        seen.append((function, sizes, stream, values, set(scratch), extra))
        return 201 if stream == 9 else 0  # CUDA_ERROR_INVALID_CONTEXT

    monkeypatch.setattr(module, "_cu_launch_kernel", lambda: launch)
    monkeypatch.setattr(torch.version, "hip", None)
    return types.SimpleNamespace(launch_of=module.launch_of, seen=seen)


def test_what_the_driver_is_given(driver: Any) -> None:
    launch = driver.launch_of(compiled(), 2, (5, 2**40, 0.25))
    assert launch(11, [1000, 2000], 3)
    assert launch(12, [3000, 0], 0)
    first, second = driver.seen
    assert first == (77, [11, 1, 1, 128, 1, 1, 96], 3, [1000, 2000, 5, 2**40, 0.25], {None}, None)
    assert second[1][0] == 12 and second[3][:2] == [3000, None]


def test_a_refusal_is_told(driver: Any) -> None:
    assert not driver.launch_of(compiled(), 2, (5, 6, 0.5))(1, [1, 2], 9)


UNEXPECTED: dict[str, dict[str, Any]] = {
    "blocks in clusters": {"metadata": {"num_ctas": 2}},
    "scratch memory": {"metadata": {"global_scratch_size": 64}},
    "profiling": {"metadata": {"profile_scratch_size": 64}},
    "a cooperative launch": {"metadata": {"launch_cooperative_grid": True}},
    "a dependent launch": {"metadata": {"launch_pdl": True}},
    "an argument more": {"signature": {**SIGNATURE, "more": "i32"}},
    "a type that is not known": {"signature": {**SIGNATURE, "n": "u1"}},
    "a number first": {"signature": {"n": "i32", **SIGNATURE, "scale": "constexpr"}},
    "no handle": {"function": None},
    "no metadata": {"metadata": {}, "src": None},
}


@pytest.mark.parametrize("what", UNEXPECTED)
def test_what_is_not_as_expected_is_tritons(driver: Any, what: str) -> None:
    changes = dict(UNEXPECTED[what])
    source = changes.pop("src", driver)
    kernel = compiled(**changes)
    if source is None:
        del kernel.metadata
    assert driver.launch_of(kernel, 2, (5, 6, 0.5)) is None


def test_not_on_amd(driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", "6.2")
    assert driver.launch_of(compiled(), 2, (5, 6, 0.5)) is None

"""How the units of a library serve a GPU together."""

from __future__ import annotations

import pytest

from gpufix.knowledge.gpus.serves import Named, codes
from gpufix.knowledge.gpus.units import Unit, made_for_others, reach


def unit(*names: str, count: int = 1) -> Unit:
    return Unit(tuple(codes(names)), count)


def ptx(arch: str, isa: str, count: int = 1) -> Unit:
    return Unit((Named("ptx", arch, isa),), count)


@pytest.mark.parametrize(
    ("units", "target", "driver", "status", "lacking", "served", "needs"),
    [
        ([unit("sm_80", "sm_90", count=375)], "sm_90", None, "native", 0, 375, None),
        ([unit("sm_80"), unit("sm_90")], "sm_90", None, "partly", 1, 1, None),
        ([unit("sm_80", count=2), unit("sm_90", count=3)], "sm_90", None, "partly", 2, 3, None),
        ([unit("sm_80"), unit("sm_86")], "sm_90", None, "none", 0, 0, None),
        ([unit("sm_90"), unit("8.0+PTX")], "sm_90", None, "jit", 0, 2, None),
        ([unit("sm_90", count=2), unit("8.0+PTX")], "sm_90", None, "native", 0, 3, None),
        ([ptx("sm_80", "9.0"), ptx("sm_80", "8.0")], "sm_90", None, "jit", 0, 2, "13.0"),
        ([ptx("sm_80", "9.0"), unit("sm_90")], "sm_90", "12.8", "partly", 1, 1, None),
        ([ptx("sm_80", "9.0")], "sm_90", "12.8", "too new", 0, 0, "13.0"),
        ([ptx("sm_80", "9.0"), unit("sm_80")], "sm_90", "12.8", "too new", 0, 0, "13.0"),
        ([Unit((Named("lto", "sm_80"),)), unit("sm_80")], "sm_90", None, "unknown", 0, 0, None),
        ([unit("gfx1100"), unit("gfx942")], "gfx1100", None, "partly", 1, 1, None),
        ([], "sm_90", None, "none", 0, 0, None),
    ],
)
def test_reach(units, target, driver, status, lacking, served, needs) -> None:
    found = reach(units, target, driver)
    assert (found.status, found.served, found.needs_cuda) == (status, served, needs)
    assert sum(each.count for each in found.lacking) == lacking


def test_what_is_left_when_some_units_are_for_other_gpus() -> None:
    found = reach([unit("sm_80"), unit("sm_86"), unit("sm_90")], "sm_90")
    assert found.but(found.lacking[:1]).status == "partly"
    assert found.but(()).status == "native"
    assert reach([unit("sm_80")], "sm_90").but(()).status == "none"


def test_of_ptx_the_driver_takes_that_for_the_newest_architecture() -> None:
    held = Unit((Named("ptx", "sm_90", "9.0"), Named("ptx", "sm_80", "7.4")))
    assert reach([held], "sm_120").needs_cuda == "13.0"
    assert reach([held], "sm_120", "12.8").status == "too new"  # launched: error 222
    assert reach([held], "sm_86", "12.8").status == "jit"


@pytest.mark.parametrize(
    ("held", "target", "expected"),
    [
        (unit("sm_90a"), "sm_80", True),
        (unit("sm_100f", "sm_120a"), "sm_121", True),
        (unit("sm_90", "compute_100"), "sm_80", True),
        (unit("sm_90a", "sm_80"), "sm_120", False),
        (unit("sm_80"), "sm_90", False),
        (unit("gfx942"), "gfx1100", False),
        (unit("gfx942"), "sm_90", False),
        (Unit(()), "sm_90", False),
    ],
)
def test_units_that_are_for_other_gpus_on_purpose(held: Unit, target: str, expected: bool) -> None:
    assert made_for_others(held, target) is expected


def test_a_unit_in_one_word() -> None:
    held = Unit((Named("ptx", "sm_90", "9.0"), Named("cubin", "sm_80"), Named("cubin", "sm_80")))
    assert held.key == "cubin:sm_80,ptx:sm_90:9.0"

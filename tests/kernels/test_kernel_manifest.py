"""The manifests in the package, and what is refused in one."""

from __future__ import annotations

from typing import Any

import pytest

from gpufix.kernels.manifest import Kernel, ManifestError, load, parse_manifest, suite
from gpufix.kernels.toolchain import parse_target

BASE = {"stream", "launch", "warp", "atomics", "sort", "ptx", "matmul", "attention"}


def test_the_suite_is_whole() -> None:
    kernels = suite()
    assert {kernel.name for kernel in kernels} >= BASE
    assert all(kernel.source.is_file() for kernel in kernels)


@pytest.mark.parametrize("kernel", suite(), ids=lambda kernel: str(kernel.name))
def test_every_case_is_in_the_source(kernel: Kernel) -> None:
    source = kernel.source.read_text(encoding="utf-8")
    for case in kernel.cases:
        assert f'"{case.name}"' in source, case.name


@pytest.mark.parametrize(
    ("kernel", "case", "sizes", "cost"),
    [
        ("stream", "copy", {"n": 1000}, (8000, None)),
        ("stream", "triad", {"n": 1000}, (12000, 2000)),
        ("launch", "latency", {"launches": 10}, (None, None)),
        ("warp", "sum", {"n": 10}, (40, 10)),
        ("sort", "duplicate", {"splats": 10, "instances": 100}, (1320, None)),
        ("sort", "sort", {"instances": 100, "passes": 6}, (15200, None)),
        ("sort", "ranges", {"instances": 100, "tiles": 5}, (840, None)),
        ("matmul", "square", {"n": 8192}, (6 * 8192**2, 2 * 8192**3)),
        (
            "attention",
            "full",
            {"heads": 64, "length": 4096, "dim": 128},
            (8 * 64 * 4096 * 128, 4 * 64 * 4096**2 * 128),
        ),
        (
            "attention",
            "causal",
            {"heads": 1, "length": 3, "dim": 1},
            (24, 4 * 6),  # 6 of the 9 pairs
        ),
    ],
)
def test_costs(
    kernel: str, case: str, sizes: dict[str, float], cost: tuple[float | None, float | None]
) -> None:
    found = load(kernel).case(case)
    assert found is not None
    assert found.cost(sizes) == cost


@pytest.mark.parametrize(
    ("kernel", "target", "applies"),
    [
        ("stream", "sm_75", True),
        ("stream", "gfx1030", True),
        ("ptx", "sm_75", True),
        ("ptx", "gfx1030", False),
        ("matmul", "sm_75", False),
        ("matmul", "sm_80", True),
        ("matmul", "gfx1030", False),
        ("attention", "gfx90a", True),
    ],
)
def test_needs(kernel: str, target: str, applies: bool) -> None:
    assert (load(kernel).missing_need(parse_target(target)) is None) is applies


GOOD: dict[str, Any] = {"title": "t", "cases": {"a": {"bytes": "8 * n"}}}


def test_a_small_manifest() -> None:
    kernel = parse_manifest("k", GOOD)
    assert (kernel.name, kernel.title, kernel.needs, kernel.ptx_only) == ("k", "t", (), False)


@pytest.mark.parametrize(
    "change",
    [
        {"cases": {}},
        {"cases": {"a": {"byte": "8 * n"}}},
        {"cases": {"a": {"unit": "int4"}}},
        {"cases": {"a": []}},
        {"needs": ["magic"]},
        {"timeout": 5},
    ],
)
def test_a_typo_is_an_error(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        parse_manifest("k", {**GOOD, **change})


@pytest.mark.parametrize("name", ["", "nothing", "../kernels/stream", "common", "torch_extension"])
def test_no_such_kernel(name: str) -> None:
    with pytest.raises(ManifestError, match="no kernel named"):
        load(name)

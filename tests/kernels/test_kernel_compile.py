"""Real compilers on the base kernels: a few small ones each time, all for every target when slow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from native import toolchain

from gpufix.kernels.compiler import Built, build_all
from gpufix.kernels.manifest import load
from gpufix.kernels.toolchain import KernelTarget, parse_target

BASE = ("stream", "launch", "warp", "atomics", "sort", "ptx", "matmul", "attention")
STRICT = {
    "cuda": ("-Xcompiler=-Wall,-Wextra,-Werror", "-Werror=all-warnings"),
    "hip": ("-Wall", "-Wextra", "-Werror"),
}


def compile_all(names: tuple[str, ...], target: KernelTarget, cache: Path) -> list[Built]:
    """Warnings are errors; a second build of the same finds every program in the cache."""
    strict = replace(toolchain(target.vendor), flags=STRICT[target.vendor])
    kernels = [load(name) for name in names]
    built = build_all(strict, kernels, [target], cache, jobs=2)
    again = build_all(strict, kernels, [target], cache, jobs=2)
    assert [b.program for b in again] == [b.program for b in built]
    assert {b.status for b in again} <= {"cached", "not applicable"}
    return built


@pytest.mark.parametrize(
    ("target", "names"), [("sm_90", ("launch", "ptx")), ("gfx1030", ("launch", "matmul"))]
)
def test_small_kernels(target: str, names: tuple[str, ...], tmp_path: Path) -> None:
    built = compile_all(names, parse_target(target), tmp_path)
    expected = ["built" if name != "matmul" else "not applicable" for name in names]
    assert [b.status for b in built] == expected, [b.log for b in built]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["sm_75", "sm_90", "sm_120+PTX", "gfx1030", "gfx90a"])
def test_every_base_kernel(target: str, tmp_path: Path) -> None:
    for built in compile_all(BASE, parse_target(target), tmp_path):
        assert built.status in ("built", "not applicable"), (built.kernel.name, built.log)
        assert built.log == "" or built.status == "not applicable", built.log


def test_the_compilers_own_words(tmp_path: Path) -> None:
    """An architecture that no toolkit knows: the message is nvcc's, not ours."""
    [built] = build_all(toolchain("cuda"), [load("launch")], [KernelTarget("sm_99")], tmp_path)
    assert built.status == "failed"
    assert "compute_99" in built.log

"""knn: the float64 reference against sorting; compilation; the GPU against torch."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from native import ALL_TARGETS, compile_kernel, library, run_host

SOURCE = """
#include <cstdio>
#include <cstdlib>
#include "knn/knn_reference.h"
int main(int argc, char** argv) {
    std::vector<float> p;
    for (int i = 1; i < argc; ++i) p.push_back(std::strtof(argv[i], nullptr));
    for (size_t i = 0; i < p.size() / 3; ++i) std::printf("%.17g\\n", knn_reference::mean_distance(p, i));
}
"""


def by_sorting(points: list[tuple[float, ...]], query: int) -> float:
    others = [p for i, p in enumerate(points) if i != query]
    squares = sorted(
        sum((a - b) ** 2 for a, b in zip(p, points[query], strict=True)) for p in others
    )
    nearest = squares[:3]
    return sum(nearest) / len(nearest) if nearest else 0.0


def test_reference(tmp_path: Path) -> None:
    draw = random.Random(3)
    sets = [
        [tuple(draw.randrange(-8, 9) / 4 for _ in range(3)) for _ in range(n)]
        for n in (1, 2, 3, 4, 40)
    ]
    sets.append([(0.5, 0.5, 0.5)] * 6)
    for points in sets:
        lines = run_host(tmp_path, SOURCE, *(v for p in points for v in p))
        assert [line[0] for line in lines] == pytest.approx(
            [by_sorting(points, i) for i in range(len(points))]
        )


@pytest.mark.parametrize("arch", ["sm_90", "gfx1030"])
def test_compiles(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "knn", arch, quick=True) == ""


@pytest.mark.slow
@pytest.mark.parametrize("arch", ALL_TARGETS)
def test_compiles_whole(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "knn", arch, quick=False) == ""


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 3, 4, 1000, 30000])
def test_gpu_against_torch(tmp_path: Path, n: int) -> None:
    lib = library(tmp_path, "knn")
    import torch

    points = torch.randn(n, 3, device="cuda") ** 3
    got = torch.full((n,), float("nan"), device="cuda")
    space = torch.empty(lib.workspace(n), dtype=torch.uint8, device="cuda")
    lib.mean_distance(points.data_ptr(), n, got.data_ptr(), space.data_ptr())
    want = torch.zeros(n, device="cuda", dtype=torch.float64)
    for begin in range(0, n if n > 1 else 0, 1000):
        part = points[begin : begin + 1000].double()
        squares = ((part[:, None] - points.double()[None]) ** 2).sum(-1)
        rows = torch.arange(len(part), device="cuda")
        squares[rows, begin + rows] = float("inf")
        want[begin : begin + 1000] = squares.topk(min(3, n - 1), largest=False).values.mean(1)
    assert torch.allclose(got.double(), want, rtol=1e-5, atol=0)

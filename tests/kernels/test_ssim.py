"""ssim: the float64 reference against a direct computation; compilation; the GPU against torch."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from native import ALL_TARGETS, compile_kernel, library, run_host

HEIGHT, WIDTH = 13, 17
SOURCE = """
#include <cstdio>
#include <cstdlib>
#include "ssim/ssim_reference.h"
using namespace ssim_reference;
int main(int argc, char** argv) {
    const int h = std::atoi(argv[1]), w = std::atoi(argv[2]);
    Plane x(h, w), y(h, w), g(h, w);
    for (int i = 0; i < h * w && 3 + 3 * i + 2 < argc; ++i) {
        x.v[i] = std::atof(argv[3 + 3 * i]), y.v[i] = std::atof(argv[4 + 3 * i]), g.v[i] = std::atof(argv[5 + 3 * i]);
    }
    Result r = ssim(x, y, g);
    for (double v : r.map.v) std::printf("%.17g ", v);
    std::printf("\\n");
    for (double v : r.gradient.v) std::printf("%.17g ", v);
    std::printf("\\n");
    double all = 0, inner = 0;
    for (double v : mean_weights(h, w, false).v) all += v;
    for (double v : mean_weights(h, w, true).v) inner += v;
    std::printf("%.17g %.17g\\n", all, inner);
}
"""


def direct(x: list[float], y: list[float], row: int, column: int) -> float:
    """SSIM of one window, by its two-dimensional sums."""
    total = sum(math.exp(-(i * i + j * j) / 4.5) for i in range(-5, 6) for j in range(-5, 6))
    sums = [0.0] * 5
    for i in range(max(0, row - 5), min(HEIGHT, row + 6)):
        for j in range(max(0, column - 5), min(WIDTH, column + 6)):
            w = math.exp(-((i - row) ** 2 + (j - column) ** 2) / 4.5) / total
            a, b = x[i * WIDTH + j], y[i * WIDTH + j]
            for k, value in enumerate((a, b, a * a, b * b, a * b)):
                sums[k] += w * value
    ux, uy, xx, yy, xy = sums
    top = (2 * ux * uy + 1e-4) * (2 * (xy - ux * uy) + 9e-4)
    return top / ((ux * ux + uy * uy + 1e-4) * (xx - ux * ux + yy - uy * uy + 9e-4))


def test_reference(tmp_path: Path) -> None:
    draw = random.Random(5).random
    n = HEIGHT * WIDTH
    x, y, g = ([draw() for _ in range(n)] for _ in range(3))
    inputs = [value for triple in zip(x, y, g, strict=True) for value in triple]
    image, gradient, weights = run_host(tmp_path, SOURCE, HEIGHT, WIDTH, *map(repr, inputs))
    for i in range(n):
        assert image[i] == pytest.approx(direct(x, y, i // WIDTH, i % WIDTH), rel=1e-9)
    assert weights == pytest.approx([1, 1])

    def loss(pixels: list[float], near: int) -> float:
        r, c = near // WIDTH, near % WIDTH
        rows, columns = (
            range(max(0, r - 5), min(HEIGHT, r + 6)),
            range(max(0, c - 5), min(WIDTH, c + 6)),
        )
        return sum(g[i * WIDTH + j] * direct(pixels, y, i, j) for i in rows for j in columns)

    for at in (0, WIDTH - 1, n // 2, n - 3):
        step = [1e-5 if i == at else 0.0 for i in range(n)]
        up, down = ([p + s * d for p, d in zip(x, step, strict=True)] for s in (1, -1))
        assert gradient[at] == pytest.approx((loss(up, at) - loss(down, at)) / 2e-5, rel=1e-5)


@pytest.mark.parametrize("arch", ["sm_90", "gfx1030"])
def test_compiles(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "ssim", arch, quick=True) == ""


@pytest.mark.slow
@pytest.mark.parametrize("arch", ALL_TARGETS)
def test_compiles_whole(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "ssim", arch, quick=False) == ""


@pytest.mark.slow
@pytest.mark.parametrize("valid", [False, True])
def test_gpu_against_autograd(tmp_path: Path, valid: bool) -> None:
    lib = library(tmp_path, "ssim")
    import torch

    shape = (2, 3, 270, 481)
    y = torch.rand(shape, device="cuda")
    x = (0.6 * y + 0.4 * torch.rand_like(y)).contiguous()
    taps = torch.exp(-(torch.arange(-5.0, 6, device="cuda", dtype=torch.float64) ** 2) / 4.5)
    taps /= taps.sum()
    window = (taps[:, None] * taps[None]).expand(3, 1, 11, 11)

    def blur(v: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(v, window, padding=0 if valid else 5, groups=3)

    a, b = x.double().requires_grad_(), y.double()
    ux, uy = blur(a), blur(b)
    top = (2 * ux * uy + 1e-4) * (2 * (blur(a * b) - ux * uy) + 9e-4)
    variances = blur(a * a) - ux * ux + blur(b * b) - uy * uy
    want = (top / ((ux * ux + uy * uy + 1e-4) * (variances + 9e-4))).mean()
    want.backward()

    planes = (6, 270, 481)
    mean, gradient = torch.full((1,), math.nan, device="cuda"), torch.full_like(x, math.nan)
    space = torch.zeros(lib.workspace(planes), dtype=torch.uint8, device="cuda")
    out = (mean.data_ptr(), gradient.data_ptr(), space.data_ptr())
    lib.mean_and_gradient(x.data_ptr(), y.data_ptr(), planes, valid, *out)
    assert mean.item() == pytest.approx(want.item(), rel=1e-5)
    assert float((gradient - a.grad).norm() / a.grad.norm()) < 2e-5

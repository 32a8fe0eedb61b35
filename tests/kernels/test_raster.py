"""raster: the reference's fill rule on a watertight sheet; compilation."""

from __future__ import annotations

from pathlib import Path

import pytest
from native import ALL_TARGETS, compile_kernel, run_host

SOURCE = """
#include <cstdio>
#include <cstdlib>
#include "raster/raster_reference.h"
using namespace raster_reference;
static void histogram(const Image& image) {
    int count[4] = {0, 0, 0, 0};
    for (int c : image.coverage) count[c < 3 ? c : 3]++;
    std::printf("%d %d %d %d\\n", count[0], count[1], count[2], count[3]);
}
int main() {
    const int w = 64, h = 48, n = 8;
    std::vector<float> v;
    std::vector<int> t;
    std::srand(7);
    // A sheet over the whole image; inner vertices on pixel centres, pixel corners or anywhere.
    for (int r = 0; r <= n; ++r)
        for (int c = 0; c <= n; ++c) {
            bool inner = r && c && r < n && c < n;
            float x = float(c * w) / n, y = float(r * h) / n;
            if (inner && (r + c) % 3 == 0) x += 0.5f, y += 0.5f;
            if (inner && (r + c) % 3 == 1) x += std::rand() % 512 / 256.0f, y -= std::rand() % 512 / 256.0f;
            v.insert(v.end(), {x, y, 0.5f});
        }
    for (int r = 0; r < n; ++r)
        for (int c = 0; c < n; ++c) {
            int a = r * (n + 1) + c, b = a + 1, d = a + n + 1, e = d + 1;
            if (c % 2) t.insert(t.end(), {a, b, d, d, b, e});
            else t.insert(t.end(), {a, e, b, a, d, e});
        }
    histogram(rasterise(v, t, w, h));
    // The same sheet twice: every pixel twice, and the first copy wins the tie.
    size_t once = t.size();
    t.insert(t.end(), t.begin(), t.begin() + long(once));
    Image twice = rasterise(v, t, w, h);
    histogram(twice);
    int late = 0;
    for (int id : twice.triangle) late += id >= int(once / 3);
    std::printf("%d\\n", late);
    // Left out: no area, out of range, not finite, beyond the guard band.
    std::vector<float> bad = {0, 0, 0, 9, 9, 0, 18, 18, 0, NAN, 5, 0, 30, 5, 0, 5, 30, INFINITY, 1e9f, 5, 0};
    histogram(rasterise(bad, {0, 1, 2, 0, 4, 3, 0, 4, 5, 0, 4, 6, 0, 4, 99, -1, 4, 0}, w, h));
    // The nearer of two wins, whichever comes first; depth is the plane's value at the centre.
    std::vector<float> two = {-90, -90, 0.8f, 190, -90, 0.8f, 0, 190, 0.8f, -90, -90, 0.2f, 190, -90, 0.2f, 0, 190, 0.2f};
    Image near = rasterise(two, {0, 1, 2, 3, 4, 5}, w, h);
    std::printf("%d %.9g\\n", near.triangle[w * 20 + 20], double(near.depth[w * 20 + 20]));
}
"""


def test_reference(tmp_path: Path) -> None:
    once, twice, late, bad, near = run_host(tmp_path, SOURCE)
    pixels = 64 * 48
    assert once == [0, pixels, 0, 0]
    assert twice == [0, 0, pixels, 0]
    assert late == [0]
    assert bad == [pixels, 0, 0, 0]
    assert near == [1, pytest.approx(0.2)]


@pytest.mark.parametrize("arch", ["sm_90", "gfx1030"])
def test_compiles(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "raster", arch, quick=True) == ""


@pytest.mark.slow
@pytest.mark.parametrize("arch", ALL_TARGETS)
def test_compiles_whole(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "raster", arch, quick=False) == ""

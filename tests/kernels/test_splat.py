"""splat: reference and kernels' harmonics against each other; compilation; the GPU against autograd."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from native import ALL_TARGETS, compile_kernel, library, run_host

from gpufix.kernels import embedded

if TYPE_CHECKING:
    import torch

# The kernels' polynomials against the reference's general formula, and their gradient against
# differences of that formula.
HARMONICS = """
#define __device__
#include <cstdio>
#include "splat/splat_reference.h"
#include "splat/splat_sh.cuh"
using namespace splat_reference;
int main() {
    double worst_basis = 0, worst_gradient = 0;
    for (int trial = 1; trial < 50; ++trial) {
        double d[3] = {std::sin(trial * 1.3), std::cos(trial * 2.1), std::sin(trial * 0.7 + 1)};
        double n = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        for (double& v : d) v /= n;
        gpufix_splat::Direction f = {float(d[0]), float(d[1]), float(d[2])};
        float basis[16], weight[16];
        gpufix_splat::sh_basis<3>(f, basis);
        for (int k = 0; k < 16; ++k) weight[k] = float(std::cos(k * 1.7 + trial));
        gpufix_splat::Direction g = gpufix_splat::sh_gradient<3>(f, weight);
        // Along the sphere only: the general formula knows no other directions.
        double t[3] = {-d[1], d[0], 0}, length = std::sqrt(d[0] * d[0] + d[1] * d[1]), sum = 0;
        for (double& v : t) v /= length;
        for (int l = 0; l <= 3; ++l)
            for (int m = -l; m <= l; ++m) {
                int k = l * l + l + m;
                worst_basis = std::max(worst_basis, std::fabs(basis[k] - harmonic(l, m, d)));
                double h = 1e-5, up[3], down[3];
                for (int i = 0; i < 3; ++i)
                    up[i] = d[i] * std::cos(h) + t[i] * std::sin(h), down[i] = d[i] * std::cos(h) - t[i] * std::sin(h);
                sum += weight[k] * (harmonic(l, m, up) - harmonic(l, m, down)) / (2 * h);
            }
        double got = g.x * t[0] + g.y * t[1] + g.z * t[2];
        worst_gradient = std::max(worst_gradient, std::fabs(got - sum));
    }
    using gpufix_splat::not_below_zero;
    bool seen = std::isnan(not_below_zero(NAN)) && not_below_zero(-INFINITY) == 0 &&
                not_below_zero(INFINITY) == INFINITY && not_below_zero(-0.5f) == 0;
    std::printf("%.9g %.9g %d\\n", worst_basis, worst_gradient, int(seen));
}
"""

# One or two Gaussians straight ahead, whose image and gradient are known in closed form.
CLOSED = """
#include <cstdio>
#include "splat/splat_reference.h"
using namespace splat_reference;
static std::vector<double> gaussian(double z, double scale, double opacity, double grey) {
    double c0 = (grey - 0.5) / 0.28209479177387814;
    return {0, 0, z, scale, scale, scale, 1, 0, 0, 0, opacity, c0, c0, c0};
}
int main() {
    Camera c{{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, 40, 40, 8.5, 8.5, 0.2, 17, 17, {0.1, 0.1, 0.1}};
    const int centre = 8 * 17 + 8;
    std::vector<double> one = gaussian(4, 0.3, 0.6, 0.9), behind = gaussian(2, 0.1, 1.0, 0.2);
    std::vector<double> two = one;
    two.insert(two.end(), behind.begin(), behind.end());
    auto image = render(one, c, 0), both = render(two, c, 0);
    std::vector<double> weight(image.size());
    weight[centre + 2] = 1;
    auto g = gradient(one, c, 0, weight);
    std::printf("%.12g %.12g %.12g %.12g %.12g %.12g\\n", image[centre], image[centre + 2], image[0], both[centre],
                g[kOpacity], g[kMean]);
}
"""


def test_harmonics(tmp_path: Path) -> None:
    [[basis, gradient, nan_stays]] = run_host(tmp_path, HARMONICS)
    assert basis < 1e-6
    assert gradient < 1e-5
    assert nan_stays == 1


def test_reference(tmp_path: Path) -> None:
    [[centre, two_right, corner, both, by_opacity, by_x]] = run_host(tmp_path, CLOSED)
    variance = (40 * 0.3 / 4) ** 2 + 0.3
    fall = math.exp(-0.5 * 4 / variance)
    assert centre == pytest.approx(0.6 * 0.9 + 0.4 * 0.1)
    assert two_right == pytest.approx(0.6 * fall * 0.9 + (1 - 0.6 * fall) * 0.1)
    assert corner == pytest.approx(0.1)  # alpha below 1/255 there
    # The nearer one, listed second, is drawn first and clamped.
    assert both == pytest.approx(0.99 * 0.2 + 0.01 * (0.6 * 0.9 + 0.4 * 0.1))
    assert by_opacity == pytest.approx(fall * 0.8, rel=1e-6)
    # Through the mean (10 pixels a unit); moving sideways changes the footprint to second order only.
    assert by_x == pytest.approx(0.6 * fall * 0.8 * (2 / variance) * 10, rel=0.05)


# For gfx1030 within the fallback: test_splat_interface.py.
@pytest.mark.parametrize("arch", ["sm_90", pytest.param("gfx1030", marks=pytest.mark.slow)])
def test_compiles(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "splat", arch, quick=True) == ""


@pytest.mark.slow
@pytest.mark.parametrize("arch", ALL_TARGETS)
def test_compiles_whole(tmp_path: Path, arch: str) -> None:
    assert compile_kernel(tmp_path, "splat", arch, quick=False) == ""


# ---- a plain torch implementation ----------------------------------------------------------------
WIDTH, HEIGHT, FOCAL, N = 224, 160, 150.0, 3000
VIEW = (
    (0.995, 0.0, 0.0998, 0.05),
    (-0.007, 0.9975, 0.0698, -0.03),
    (-0.0996, -0.0701, 0.9925, 0.2),
)
BACKGROUND = (0.2, 0.5, 0.1)


def harmonics(d: torch.Tensor) -> list[torch.Tensor]:
    x, y, z = d.unbind(-1)
    a, b, c = 0.4886025119029199, 1.0925484305920792, 0.5900435899266435
    e = 0.4570457994644658
    return [
        0.28209479177387814 * x.new_ones(x.shape), -a * y, a * z, -a * x,
        b * x * y, -b * y * z, 0.31539156525252005 * (2 * z * z - x * x - y * y), -b * x * z,
        b / 2 * (x * x - y * y), -c * y * (3 * x * x - y * y), 2.890611442640554 * x * y * z,
        -e * y * (4 * z * z - x * x - y * y),
        0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
        -e * x * (4 * z * z - x * x - y * y), 1.445305721320277 * z * (x * x - y * y),
        -c * x * (x * x - 3 * y * y),
    ]  # fmt: skip


def matrices(q: torch.Tensor) -> torch.Tensor:
    import torch

    w, x, y, z = torch.nn.functional.normalize(q).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def project(p: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    import torch

    view = torch.tensor(VIEW, dtype=torch.float32, device="cuda").double()
    turn, shift = view[:, :3], view[:, 3]
    t = p["means"] @ turn.T + shift
    x, y, z = t.unbind(-1)
    ux, uy = x / z, y / z
    sx = ux.clamp(-1.3 * WIDTH / 2 / FOCAL, 1.3 * WIDTH / 2 / FOCAL)
    sy = uy.clamp(-1.3 * HEIGHT / 2 / FOCAL, 1.3 * HEIGHT / 2 / FOCAL)
    zero = torch.zeros_like(z)
    jacobian = torch.stack([FOCAL / z, zero, -FOCAL * sx / z, zero, FOCAL / z, -FOCAL * sy / z], -1)
    m = jacobian.reshape(-1, 2, 3) @ turn @ matrices(p["rotations"]) @ torch.diag_embed(p["scales"])
    conic = torch.linalg.inv(
        m @ m.transpose(1, 2) + 0.3 * torch.eye(2, device="cuda", dtype=m.dtype)
    )
    direction = torch.nn.functional.normalize(p["means"] + turn.T @ shift)
    basis = torch.stack(harmonics(direction), -1)
    color = ((basis[..., None] * p["sh"]).sum(1) + 0.5).clamp(min=0)
    screen = torch.stack([FOCAL * ux + WIDTH / 2, FOCAL * uy + HEIGHT / 2], -1)
    return {"screen": screen, "conic": conic, "color": color, "z": z}


def autograd_image(p: dict[str, torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    """The image; the loss sum(weight * image) is driven back into the leaves, some rows at a time."""
    import torch

    background = torch.tensor(BACKGROUND, device="cuda", dtype=torch.float64)
    xs = torch.arange(WIDTH, device="cuda") + 0.5
    image = torch.empty(3, HEIGHT, WIDTH, device="cuda", dtype=torch.float64)
    for top in range(0, HEIGHT, 16):
        g = project(p)
        order = torch.argsort(g["z"].detach(), stable=True)
        order = order[g["z"][order] > 0.2]
        ys = torch.arange(top, top + 16, device="cuda") + 0.5
        pixel = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1).reshape(-1, 1, 2).double()
        d = pixel - g["screen"][order]
        k = g["conic"][order]
        power = -0.5 * (k[:, 0, 0] * d[..., 0] ** 2 + k[:, 1, 1] * d[..., 1] ** 2)
        alpha = p["opacities"][order] * torch.exp(power - k[:, 0, 1] * d[..., 0] * d[..., 1])
        alpha = torch.where(alpha >= 1 / 255, alpha.clamp(max=0.99), 0)
        behind = torch.cumprod(1 - alpha, 1)
        before = torch.cat([torch.ones_like(behind[:, :1]), behind[:, :-1]], 1)
        weights = torch.where(behind >= 1e-4, alpha * before, 0)
        rows = weights @ g["color"][order] + (1 - weights.sum(1, keepdim=True)) * background
        part = rows.T.reshape(3, 16, WIDTH)
        (part * weight[:, top : top + 16]).sum().backward()
        image[:, top : top + 16] = part.detach()
    return image


def draw_parameters() -> dict[str, torch.Tensor]:
    import torch

    z = 2 + 8 * torch.rand(N, 1, device="cuda")
    corner = torch.tensor([WIDTH, HEIGHT], device="cuda")
    screen = (1.3 * torch.rand(N, 2, device="cuda") - 0.65) * corner
    return {
        "means": torch.cat([screen * z / FOCAL, z], 1),
        "scales": 0.5 * 20 ** torch.rand(N, 3, device="cuda") * z / FOCAL,
        "rotations": torch.randn(N, 4, device="cuda"),
        "opacities": 0.01 + 0.99 * torch.rand(N, device="cuda"),
        "sh": torch.randn(N, 16, 3, device="cuda") * 0.3,
    }


def ours(
    lib: Any, p: dict[str, torch.Tensor], weight: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    import torch

    def space(n: int) -> torch.Tensor:
        return torch.empty(n, dtype=torch.uint8, device="cuda")

    scene = embedded.Scene(N, 3, 16, *(v.data_ptr() for v in p.values()))
    camera = embedded.Camera(fx=FOCAL, fy=FOCAL, cx=WIDTH / 2, cy=HEIGHT / 2, near_plane=0.2)
    camera.view[:], camera.background[:] = [v for row in VIEW for v in row], BACKGROUND
    camera.width, camera.height = WIDTH, HEIGHT
    first = space(lib.scene_bytes(N, camera))
    frame = lib.prepare(scene, camera, first.data_ptr())
    second, third = space(lib.list_bytes(frame.instances)), space(lib.backward_bytes(N))
    image = torch.full((3, HEIGHT, WIDTH), math.nan, device="cuda")
    lib.render(scene, camera, frame, second.data_ptr(), image.data_ptr())
    grads = {k: torch.full_like(v, math.nan) for k, v in p.items()}
    out = embedded.SceneGradient(*(g.data_ptr() for g in grads.values()), None)
    images = (image.data_ptr(), weight.data_ptr(), third.data_ptr())
    lib.backward(scene, camera, frame, *images, out)
    torch.cuda.synchronize()
    return image, grads


@pytest.mark.slow
def test_gpu_against_autograd(tmp_path: Path) -> None:
    lib = library(tmp_path, "splat")
    import torch

    p = draw_parameters()
    weight = 2 * torch.rand(3, HEIGHT, WIDTH, device="cuda") - 1
    image, grads = ours(lib, p, weight)
    leaves = {k: v.double().requires_grad_() for k, v in p.items()}
    want = autograd_image(leaves, weight.double())
    assert float((image - want).norm() / want.norm()) < 1e-3
    for kind, leaf in leaves.items():
        error = float((grads[kind] - leaf.grad).norm() / leaf.grad.norm())
        print(f"{kind}: {error:.1e}")
        assert error < 1e-2, kind

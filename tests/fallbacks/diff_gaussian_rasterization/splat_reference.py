"""diff_gaussian_rasterization's image, radii and inverse depth in plain float64 torch, with gradients.

Every Gaussian at every pixel, so for small scenes only. Where the package's gradient is not the
derivative, `as_if` puts the one in the other's place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import needs

torch = needs.module("torch")
Tensor = Any

TILE, DILATION = 16, 0.3
INPUTS = (
    "means3D",
    "shs",
    "colors_precomp",
    "opacities",
    "scales",
    "rotations",
    "cov3D_precomp",
)


@dataclass(frozen=True)
class Camera:
    """The settings of the package, without its flags; matrices as it takes them (transposed)."""

    image_height: int
    image_width: int
    tanfovx: float
    tanfovy: float
    bg: Tensor
    scale_modifier: float
    viewmatrix: Tensor
    projmatrix: Tensor
    sh_degree: int
    campos: Tensor

    def to(self, *how: Any) -> Camera:
        moved = {k: v.to(*how) for k, v in vars(self).items() if isinstance(v, torch.Tensor)}
        return replace(self, **moved)


def as_if(value: Tensor, gradient_of: Tensor) -> Tensor:
    """`value`, with the gradient of the other."""
    return value.detach() + gradient_of - gradient_of.detach()


def harmonics(d: Tensor) -> Tensor:
    """[..., 16] at unit directions."""
    x, y, z = d.unbind(-1)
    xx, yy, zz = x * x, y * y, z * z
    pi = torch.pi
    a, b, c = (3 / (4 * pi)) ** 0.5, (15 / (4 * pi)) ** 0.5, (35 / (32 * pi)) ** 0.5
    e, f = (21 / (32 * pi)) ** 0.5, (105 / (4 * pi)) ** 0.5
    rows = [
        torch.full_like(x, (1 / (4 * pi)) ** 0.5), -a * y, a * z, -a * x,
        b * x * y, -b * y * z, (5 / (16 * pi)) ** 0.5 * (2 * zz - xx - yy), -b * x * z,
        b / 2 * (xx - yy), -c * y * (3 * xx - yy), f * x * y * z, -e * y * (4 * zz - xx - yy),
        (7 / (16 * pi)) ** 0.5 * z * (2 * zz - 3 * xx - 3 * yy), -e * x * (4 * zz - xx - yy),
        f / 2 * z * (xx - yy), -c * x * (xx - 3 * yy),
    ]  # fmt: skip
    return torch.stack(rows, -1)


def rotation_matrices(q: Tensor) -> Tensor:
    """Of quaternions taken to have length 1."""
    w, x, y, z = q.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def covariances(p: dict[str, Tensor | None], camera: Camera) -> Tensor:
    given = p["cov3D_precomp"]
    if given is not None:
        return given[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    scales, rotations = p["scales"], p["rotations"]
    assert scales is not None and rotations is not None
    scales = as_if(scales * camera.scale_modifier, scales)
    m = rotation_matrices(rotations) * scales[:, None, :]
    return m @ m.transpose(1, 2)


def footprints(p: dict[str, Tensor | None], camera: Camera, t: Tensor) -> Tensor:
    """[N, 2, 2] in pixels, before it is dilated."""
    x, y, z = t.unbind(1)
    fx, fy = camera.image_width / (2 * camera.tanfovx), camera.image_height / (2 * camera.tanfovy)
    rows = []
    for v, tan in ((x, camera.tanfovx), (y, camera.tanfovy)):
        limit = 1.3 * tan * z
        rows.append(torch.where(v.abs() <= limit, v, (v.sign() * limit).detach()))
    o = torch.zeros_like(z)
    j = torch.stack([fx / z, o, -fx * rows[0] / z**2, o, fy / z, -fy * rows[1] / z**2], -1)
    m = j.reshape(-1, 2, 3) @ camera.viewmatrix[:3, :3].T
    return m @ covariances(p, camera) @ m.transpose(1, 2)


def sharpness(xx: Tensor, xy: Tensor, yy: Tensor) -> Tensor:
    def ratio(x: Tensor, y: Tensor) -> Tensor:
        return (x * y - xy * xy) / ((x + DILATION) * (y + DILATION) - xy * xy)

    return as_if(ratio(xx, yy), ratio(xx + DILATION, yy + DILATION)).clamp(min=0.000025).sqrt()


def colors(p: dict[str, Tensor | None], camera: Camera) -> Tensor:
    if p["colors_precomp"] is not None:
        return p["colors_precomp"]
    sh, means = p["shs"], p["means3D"]
    assert sh is not None and means is not None
    count = (camera.sh_degree + 1) ** 2
    basis = harmonics(torch.nn.functional.normalize(means - camera.campos))[:, :count, None]
    return ((basis * sh[:, :count]).sum(1) + 0.5).clamp(min=0)


def render(
    p: dict[str, Tensor | None],
    camera: Camera,
    antialiasing: bool = False,
    screen: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The image, the radii and the inverse depth. `screen` (N x 2, zeros) takes a gradient."""
    width, height = camera.image_width, camera.image_height
    means = p["means3D"]
    assert means is not None and p["opacities"] is not None
    n = len(means)
    home = torch.cat([means, means.new_ones(n, 1)], 1)
    t = (home @ camera.viewmatrix)[:, :3]
    flat = home @ camera.projmatrix
    ndc = flat[:, :2] / (flat[:, 3:] + 1e-7)
    if screen is not None:
        ndc = ndc + screen
    size = means.new_tensor([width, height])
    at = (ndc + 1) * size / 2
    footprint = footprints(p, camera, t)
    xx, xy, yy = footprint[:, 0, 0], footprint[:, 0, 1], footprint[:, 1, 1]
    opacity = p["opacities"].reshape(-1)
    if antialiasing:
        opacity = opacity * sharpness(xx, xy, yy)
    xx, yy = xx + DILATION, yy + DILATION
    determinant = xx * yy - xy * xy

    with torch.no_grad():
        middle = (xx + yy) / 2
        spread = (middle**2 - determinant).clamp(min=0.1).sqrt()
        radii = (3 * (middle + spread).sqrt()).ceil()
        tiles = torch.tensor([-(-width // TILE), -(-height // TILE)], device=means.device)
        low = ((at - 0.5 - radii[:, None]) / TILE).floor().clamp(min=0).minimum(tiles)
        high = ((at - 0.5 + radii[:, None] + TILE - 1) / TILE).floor().clamp(min=0).minimum(tiles)
        visible = (t[:, 2] > 0.2) & (high > low).all(1)
        order = t[:, 2].argsort(stable=True)
        order = order[visible[order]]

    xs = torch.arange(width, device=means.device)
    ys = torch.arange(height, device=means.device)
    pixel = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1).reshape(-1, 1, 2)
    inside = ((pixel // TILE >= low[order]) & (pixel // TILE < high[order])).all(-1)
    d = pixel + 0.5 - at[order]
    a, b, c = (v[order] / determinant[order] for v in (yy, -xy, xx))
    power = -0.5 * (a * d[..., 0] ** 2 + c * d[..., 1] ** 2) - b * d[..., 0] * d[..., 1]
    alpha = opacity[order] * power.exp()
    alpha = as_if(alpha.clamp(max=0.99), alpha)
    alpha = torch.where((alpha >= 1 / 255) & inside, alpha, 0)
    behind = torch.cumprod(1 - alpha, 1)
    before = torch.cat([torch.ones_like(behind[:, :1]), behind[:, :-1]], 1)
    # Once a pixel is finished it stays so: what is behind never rises.
    weight = torch.where(behind >= 1e-4, alpha * before, 0)
    color = weight @ colors(p, camera)[order] + (1 - weight.sum(1, keepdim=True)) * camera.bg
    depth = weight @ (1 / t[order, 2:])
    shape = (-1, height, width)
    return color.T.reshape(shape), torch.where(visible, radii, 0).int(), depth.T.reshape(shape)

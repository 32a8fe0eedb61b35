"""rasterization() in float64, written out: every Gaussian at every pixel, matrices instead of their entries.

After the papers (Kerbl et al. 2023; Zwicker et al. 2001) and gsplat's documentation. Gradients are autograd's.
Where a tile of 16 pixels is beyond a Gaussian's radii, gsplat does not draw it there.
"""

from __future__ import annotations

import math
from typing import Any

import torch

Tensor = Any
CENTRE, LEAST, MOST, DARK = 0.5, 1 / 255, 0.999, 1e-4


def scene(
    n: int = 40, cameras: int = 1, k: int = 16, dtype: Any = None, seed: int = 0
) -> dict[str, Any]:
    """Some before the cameras, some behind, beside and far away; leaves that want gradients."""
    draw = torch.Generator().manual_seed(seed + n)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    means = normal(n, 3) * torch.tensor([1.2, 0.8, 1.5]) + torch.tensor([0.0, 0.0, 3.0])
    pose = torch.eye(4, dtype=torch.float64).repeat(cameras, 1, 1)
    for c in range(cameras):
        angle = 0.3 * c + 0.1
        pose[c, 0, 0] = pose[c, 2, 2] = math.cos(angle)
        pose[c, 0, 2], pose[c, 2, 0] = math.sin(angle), -math.sin(angle)
        pose[c, :3, 3] = torch.tensor([-0.7 * c, 0.1, 0.2])
    leaves = {
        "means": means,
        "quats": normal(n, 4),
        "scales": 0.04 + 0.25 * normal(n, 3).abs(),
        "opacities": torch.rand(n, generator=draw, dtype=torch.float64) ** 0.3,
        "colors": 0.4 * normal(n, k, 3),
        "viewmats": pose,
    }
    dtype = dtype or torch.float64
    given = {name: leaf.to(dtype).requires_grad_() for name, leaf in leaves.items()}
    lens = torch.tensor([[30.0, 0, 22], [0, 34, 13], [0, 0, 1]], dtype=dtype)
    return {**given, "Ks": lens.repeat(cameras, 1, 1), "width": 45, "height": 27}


def harmonics(degree: int, d: Tensor) -> Tensor:
    """The real basis by Legendre's polynomials: [..., (degree + 1)^2], in splatting's order and signs."""
    x, y, z = d.unbind(-1)
    rows = []
    for order in range(degree + 1):
        for m in range(-order, order + 1):
            a = abs(m)
            scale = math.sqrt(
                (2 * order + 1)
                / (4 * math.pi)
                * math.factorial(order - a)
                / math.factorial(order + a)
            )
            # d^a/dz^a of the Legendre polynomial, and (x + iy)^a in place of sin^a e^(i a phi)
            plane = torch.complex(x, y) ** a
            flat = plane.imag if m < 0 else plane.real
            sign = (-1.0) ** a * (math.sqrt(2) if a else 1.0)
            rows.append(sign * scale * _legendre(order, a, z) * flat)
    return torch.stack(rows, -1)


def _legendre(order: int, derivative: int, z: Tensor) -> Tensor:
    """By the coefficients of (z^2 - 1)^order / (2^order order!), derived order + derivative times."""
    total = torch.zeros_like(z)
    for k in range(order + 1):
        power = 2 * k - order - derivative
        if power < 0:
            continue
        c = math.comb(order, k) * (-1) ** (order - k) / (2**order * math.factorial(order))
        c *= math.factorial(2 * k) / math.factorial(power)
        total = total + c * z**power
    return total


def matrix(quat: Tensor) -> Tensor:
    """A quaternion's rotation, from the products q p q*."""
    w, x, y, z = (quat / quat.norm(dim=-1, keepdim=True)).unbind(-1)
    left = torch.stack([w, -x, -y, -z, x, w, -z, y, y, z, w, -x, z, -y, x, w], -1).unflatten(
        -1, (4, 4)
    )
    right = torch.stack([w, x, y, z, -x, w, -z, y, -y, z, w, -x, -z, -y, x, w], -1).unflatten(
        -1, (4, 4)
    )
    return (left @ right)[..., 1:, 1:]


def rasterization(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    sh_degree: int | None = None,
    render_mode: str = "RGB",
    rasterize_mode: str = "classic",
    backgrounds: Tensor | None = None,
    covars: Tensor | None = None,
    eps2d: float = 0.3,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    radius_clip: float = 0.0,
    tile_size: int = 16,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Pictures, alphas, and radii, means2d and absgrad's summands, [C, ...]."""
    if covars is None:
        turned = matrix(quats) @ torch.diag_embed(scales)
        covars = turned @ turned.mT
    pictures, alphas, meta = [], [], {"radii": [], "means2d": [], "depths": []}
    for c, (view, lens) in enumerate(zip(viewmats, Ks, strict=True)):
        seen = means @ view[:3, :3].T + view[:3, 3]
        if sh_degree is None:
            shade = colors if colors.dim() == 2 else colors[c]
        else:
            given = colors if colors.dim() == 3 else colors[c]
            away = means - torch.linalg.inv(view)[:3, 3]
            basis = harmonics(sh_degree, away / away.norm(dim=-1, keepdim=True))
            shade = torch.einsum("nk,nkc->nc", basis, given[:, : basis.shape[-1]])
            shade = (shade + 0.5).clamp(min=0)
        if render_mode in ("D", "ED"):
            shade = seen[:, 2:]
        elif render_mode != "RGB":
            shade = torch.cat((shade, seen[:, 2:]), -1)
        back = None if backgrounds is None else backgrounds[c]
        if back is not None and render_mode != "RGB":
            back = torch.cat((back, back.new_zeros(1)))[-shade.shape[-1] :] * 1.0
            back = back if shade.shape[-1] > 1 else back * 0
        one = _camera(
            seen, view, covars, opacities, shade, lens, width, height, back, rasterize_mode, eps2d,
            (near_plane, far_plane), radius_clip, tile_size,
        )  # fmt: skip
        picture, alpha = one[:2]
        if render_mode.endswith("ED"):
            expected = picture[..., -1:] / alpha.clamp(min=1e-10)
            picture = torch.cat((picture[..., :-1], expected), -1)
        pictures.append(picture)
        alphas.append(alpha)
        for name, value in zip(("radii", "means2d", "depths"), (*one[2:], seen[:, 2]), strict=True):
            meta[name].append(value)
    return torch.stack(pictures), torch.stack(alphas), {k: torch.stack(v) for k, v in meta.items()}


def _camera(
    seen: Tensor, view: Tensor, covars: Tensor, opacities: Tensor, shade: Tensor, lens: Tensor,
    width: int, height: int, back: Tensor | None, mode: str, eps2d: float,
    planes: tuple[float, float], clip: float, tile: int,
) -> tuple[Tensor, ...]:  # fmt: skip
    x, y, z = seen.unbind(-1)
    fx, fy, cx, cy = lens[0, 0], lens[1, 1], lens[0, 2], lens[1, 2]
    margin_x, margin_y = 0.15 * width / fx, 0.15 * height / fy
    tx = z * (x / z).clamp(min=-cx / fx - margin_x, max=(width - cx) / fx + margin_x)
    ty = z * (y / z).clamp(min=-cy / fy - margin_y, max=(height - cy) / fy + margin_y)
    o = torch.zeros_like(z)
    jacobian = torch.stack((fx / z, o, -fx * tx / z**2, o, fy / z, -fy * ty / z**2), -1)
    over = jacobian.unflatten(-1, (2, 3)) @ view[:3, :3]
    sharp = over @ covars @ over.mT
    wide = sharp + eps2d * torch.eye(2, dtype=sharp.dtype)
    conics = torch.linalg.inv(wide)
    middle = torch.stack((fx * x / z + cx, fy * y / z + cy), -1)
    if mode == "antialiased":
        opacities = (
            opacities * (torch.linalg.det(sharp) / torch.linalg.det(wide)).clamp(min=0).sqrt()
        )
    with torch.no_grad():
        faint = opacities.clamp(min=LEAST)
        extent = (2 * (faint / LEAST).log()).sqrt().clamp(max=3.33)
        radii = (extent[:, None] * wide.diagonal(dim1=-2, dim2=-1).sqrt()).ceil()
        inside = (
            (z >= planes[0]) & (z <= planes[1]) & (opacities >= LEAST) & ~(radii <= clip).all(-1)
        )
        size = torch.tensor((width, height), dtype=middle.dtype)
        inside &= ((middle + radii > 0) & (middle - radii < size)).all(-1)
        radii = radii * inside[:, None]
        low, high = (
            ((middle - radii) / tile).floor() * tile,
            ((middle + radii) / tile).ceil() * tile,
        )
        order = z.argsort(stable=True)
        order = order[inside[order]]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    light = torch.ones(height, width, dtype=z.dtype)
    done = torch.zeros(height, width, dtype=torch.bool)
    picture = torch.zeros(height, width, shade.shape[-1], dtype=z.dtype)
    for i in order.tolist():
        offset = torch.stack((columns + CENTRE, rows + CENTRE), -1) - middle[i]
        power = 0.5 * torch.einsum("hwi,ij,hwj->hw", offset, conics[i], offset)
        raw = opacities[i] * torch.exp(-power)
        alpha = torch.where(raw > MOST, torch.full_like(raw, MOST), raw)
        there = (
            (columns >= low[i, 0])
            & (columns < high[i, 0])
            & (rows >= low[i, 1])
            & (rows < high[i, 1])
        )
        hit = there & (alpha >= LEAST) & ~done
        behind = light * (1 - alpha)
        done = done | (hit & (behind <= DARK))
        hit = hit & ~done
        picture = (
            picture + torch.where(hit, alpha * light, torch.zeros_like(light))[..., None] * shade[i]
        )
        light = torch.where(hit, behind, light)
    if back is not None:
        picture = picture + light[..., None] * back
    return picture, (1 - light)[..., None], radii.int(), middle

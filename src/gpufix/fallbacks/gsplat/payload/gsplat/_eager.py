"""The stages in plain torch: what runs on a CPU, in float64, and where Triton does not work.

Gradients are autograd's own. The mathematics is that of 3D Gaussian splatting (Kerbl et al. 2023) and EWA
splatting (Zwicker et al. 2001).
"""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ._lens import (
    ALPHA_LEAST,
    ALPHA_MOST,
    FIELD_MARGIN,
    LIGHT_LEAST,
    SIGMAS_MOST,
    Gaussians,
    Grid,
    Lens,
    Projected,
)  # fmt: skip

_PIECE = 1 << 23  # numbers in one piece of a picture, on the way from its tiles to its pixels


# ---- from the world to the screen ----------------------------------------------------------------
def product(a: Tensor, b: Tensor) -> Tensor:
    """Of small matrices [..., i, j] and [..., j, k]; torch's own has a precision that is a setting."""
    return (a[..., None] * b[..., None, :, :]).sum(-2)


def rotations(quats: Tensor) -> Tensor:
    """Matrices [..., 3, 3] of quaternions w x y z of any length."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def triangle(matrices: Tensor) -> Tensor:
    """Upper triangles [..., 6] of symmetric matrices [..., 3, 3]."""
    return matrices.flatten(-2)[..., [0, 1, 2, 4, 5, 8]]


def symmetric(upper: Tensor) -> Tensor:
    """Matrices [..., 3, 3] of their upper triangles [..., 6]."""
    return upper[..., [0, 1, 2, 1, 3, 4, 2, 4, 5]].unflatten(-1, (3, 3))


def project(g: Gaussians, viewmats: Tensor, ks: Tensor, lens: Lens, packed: bool) -> Projected:
    """``viewmats`` [B, C, 4, 4], ``ks`` [B, C, 3, 3]."""
    turn = viewmats[..., :3, :3]
    seen = product(g.means[:, None], turn.transpose(-1, -2)) + viewmats[..., None, :3, 3]
    depths = seen[..., 2]
    inside = (depths >= lens.near) & (depths <= lens.far)
    z = torch.where(inside, depths, 1.0)
    frame, means2d = _frame(seen, z, turn, ks, lens)
    spread, sharp = _spread(g, frame)
    xx, xy, yy = spread[..., 0] + lens.eps2d, spread[..., 1], spread[..., 2] + lens.eps2d
    determinant = sharp + lens.eps2d * (spread[..., 0] + spread[..., 2]) + lens.eps2d**2
    inside = inside & (determinant > 0) & (determinant < torch.inf)
    determinant = torch.where(inside, determinant, 1.0)
    ratio = sharp / determinant
    factor = torch.where(ratio > 0, ratio.clamp(min=1e-12).sqrt(), 0.0)
    with torch.no_grad():
        opacities = None if g.opacities is None else g.opacities[:, None]
        if opacities is not None and lens.compensate:
            opacities = opacities * factor
        radii = _radii(inside, means2d, xx, yy, opacities, lens)
        visible = (radii > 0).all(-1)
    conics = torch.stack((yy / determinant, -xy / determinant, xx / determinant), -1)
    factors = factor if lens.compensate else None
    if packed:
        rows = visible.flatten().nonzero()[:, 0]

        def kept(tensor: Tensor) -> Tensor:
            return tensor.flatten(0, 2).index_select(0, rows)
    else:
        rows = None

        def kept(tensor: Tensor) -> Tensor:
            mask = visible if tensor.dim() == 3 else visible[..., None]
            return torch.where(mask, tensor, 0).flatten(0, 1)

    return Projected(
        kept(radii),
        kept(means2d),
        kept(depths),
        kept(conics),
        None if factors is None else kept(factors),
        rows,
    )


def _frame(seen: Tensor, z: Tensor, turn: Tensor, ks: Tensor, lens: Lens) -> tuple[Tensor, Tensor]:
    """Rows of (Jacobian x camera rotation) [B, C, N, 2, 3], and the means in pixels."""
    size = torch.tensor((lens.width, lens.height), dtype=z.dtype, device=z.device)
    focal = torch.stack((ks[..., 0, 0], ks[..., 1, 1]), -1)[:, :, None]
    middle = torch.stack((ks[..., 0, 2], ks[..., 1, 2]), -1)[:, :, None]
    slope = seen[..., :2] / z[..., None]
    margin = FIELD_MARGIN * 0.5 * size / focal
    held = torch.maximum(
        torch.minimum(slope, (size - middle) / focal + margin), -middle / focal - margin
    )
    rows = turn[:, :, None, :2] - held[..., None] * turn[:, :, None, 2:]
    return (focal / z[..., None])[..., None] * rows, focal * slope + middle


def _spread(g: Gaussians, frame: Tensor) -> tuple[Tensor, Tensor]:
    """xx, xy and yy of the covariances on the screen [..., 3], and their determinants."""
    if g.covars is not None:
        over = product(product(frame, symmetric(g.covars)[:, None]), frame.transpose(-1, -2))
        xx, xy, yy = over[..., 0, 0], over[..., 0, 1], over[..., 1, 1]
        return torch.stack((xx, xy, yy), -1), xx * yy - xy * xy
    assert g.quats is not None and g.scales is not None
    p = product(frame, (rotations(g.quats) * g.scales[..., None, :])[:, None])
    x, y = p.unbind(-2)
    normal = torch.linalg.cross(x, y)  # xx * yy - xy^2 loses every digit for long thin Gaussians
    return torch.stack(((x * x).sum(-1), (x * y).sum(-1), (y * y).sum(-1)), -1), (normal**2).sum(-1)


def _radii(
    inside: Tensor, means2d: Tensor, xx: Tensor, yy: Tensor, opacities: Optional[Tensor], lens: Lens
) -> Tensor:
    extent: Any = SIGMAS_MOST
    if opacities is not None:
        inside = inside & (opacities >= ALPHA_LEAST)
        extent = (
            (2 * (opacities.clamp(min=ALPHA_LEAST) / ALPHA_LEAST).log())
            .sqrt()
            .clamp(max=SIGMAS_MOST)
        )
    rx, ry = (extent * xx.clamp(min=0).sqrt()).ceil(), (extent * yy.clamp(min=0).sqrt()).ceil()
    x, y = means2d.unbind(-1)
    clipped = (rx <= lens.radius_clip) & (ry <= lens.radius_clip)
    beside = (x + rx <= 0) | (x - rx >= lens.width) | (y + ry <= 0) | (y - ry >= lens.height)
    radii = torch.stack((rx, ry), -1)
    return torch.where((inside & ~clipped & ~beside)[..., None], radii, 0).to(torch.int32)


# ---- colors --------------------------------------------------------------------------------------
def basis(degree: int, directions: Tensor) -> Tensor:
    """Real spherical harmonics [..., (degree + 1)^2] of unit directions, as 3D Gaussian splatting orders them."""
    x, y, z = directions.unbind(-1)
    b = [torch.full_like(x, 0.28209479177387814)]
    if degree > 0:
        b += [-0.4886025119029199 * y, 0.4886025119029199 * z, -0.4886025119029199 * x]
    if degree > 1:
        b += [
            1.0925484305920792 * x * y, -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * z * z - x * x - y * y), -1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ]  # fmt: skip
    if degree > 2:
        b += [
            -0.5900435899266435 * y * (3 * x * x - y * y), 2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (4 * z * z - x * x - y * y),
            0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
            -0.4570457994644658 * x * (4 * z * z - x * x - y * y),
            1.445305721320277 * z * (x * x - y * y), -0.5900435899266435 * x * (x * x - 3 * y * y),
        ]  # fmt: skip
    return torch.stack(b, -1)


def harmonics(
    degree: int,
    directions: Tensor,
    coefficients: Tensor,
    rows: Optional[Tensor] = None,
    masks: Optional[Tensor] = None,
) -> Tensor:
    """Colors [n, 3] along directions [n, 3] of any length, 0 where ``masks`` [n] or [n, 2] is.

    ``coefficients`` [m, K, 3] at ``rows`` [n], or in order.
    """
    unit = directions / directions.norm(dim=-1, keepdim=True).clamp(min=1e-15)
    used = coefficients[:, : (degree + 1) ** 2]
    used = used if rows is None else used.index_select(0, rows)
    colors = (basis(degree, unit)[..., None] * used).sum(-2)
    if masks is None:
        return colors
    counts = masks if masks.dim() == 1 else masks[:, 0]
    return torch.where(counts[:, None] != 0, colors, 0)


# ---- tiles ---------------------------------------------------------------------------------------
def boxes(means2d: Tensor, radii: Tensor, grid: Grid) -> Tensor:
    """The tiles of each Gaussian [n, 4]: first x and y, and past the last; empty where it has no radius."""
    most = torch.tensor((grid.across, grid.down), device=radii.device)
    low = ((means2d - radii) / grid.tile).floor().clamp(min=0)
    high = ((means2d + radii) / grid.tile).ceil().clamp(min=0)
    box = torch.cat((torch.minimum(low, most), torch.minimum(high, most)), -1).long()
    return torch.where((radii > 0).all(-1, keepdim=True), box, 0)


def entries(
    means2d: Tensor,
    radii: Tensor,
    conics: Optional[Tensor],
    opacities: Optional[Tensor],
    images: Optional[Tensor],
    depths: Tensor,
    grid: Grid,
    ordered: bool = True,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tiles of each Gaussian's box [n]; then by tile and depth: tiles and Gaussians; the tiles' ends.

    Tiles are numbered through all pictures. ``images`` [n], or None: as many Gaussians each. ``ends`` is
    int32 [tiles + 1]. Conics and opacities are not looked at.
    """
    n, device = len(means2d), means2d.device
    box = boxes(means2d, radii, grid)
    number = (box[:, 2:] - box[:, :2]).prod(-1)
    if images is None:
        images = torch.arange(n, device=device).div(
            max(n // max(grid.images, 1), 1), rounding_mode="floor"
        )
    order = depths.sort(stable=True).indices if ordered else torch.arange(n, device=device)
    counts = number[order]
    ids = order.repeat_interleave(counts)
    rank = torch.arange(len(ids), device=device) - (counts.cumsum(0) - counts).repeat_interleave(
        counts
    )
    box = box[ids]
    across = (box[:, 2] - box[:, 0]).clamp(min=1)
    x, y = box[:, 0] + rank % across, box[:, 1] + rank.div(across, rounding_mode="floor")
    tiles = (images[ids] * grid.down + y) * grid.across + x
    if ordered:
        tiles, order = tiles.sort(stable=True)
        ids = ids[order]
    bounds = torch.arange(grid.tiles + 1, device=device)
    return number.int(), tiles, ids.int(), torch.searchsorted(tiles, bounds, out_int32=True)


def intersections(tiles: Tensor, ids: Tensor, depths: Tensor, grid: Grid) -> Tensor:
    """int64: the image, the tile and the bits of a depth, one below the other."""
    each = grid.across * grid.down
    number = tiles.long()
    image = number.div(each, rounding_mode="floor")
    number = (image << grid.bits) | (number - image * each)
    bits = depths.detach().float().contiguous().view(torch.int32).index_select(0, ids)
    return (number << 32) | (bits.long() & 0xFFFFFFFF)


# ---- pixels --------------------------------------------------------------------------------------
class _Spread(torch.autograd.Function):
    """Means of a tile's Gaussians handed to its pixels; sums the sizes of the gradients that come back."""

    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, means: Tensor, ids: Tensor, pixels: int, sums: Optional[Tensor]
    ) -> Tensor:
        ctx.ids, ctx.sums = ids, sums
        return means[:, None].expand(-1, pixels, -1, -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Optional[Tensor], ...]:  # type: ignore[override]
        if ctx.sums is not None:
            ctx.sums.index_add_(0, ctx.ids.flatten(), gradient.abs().sum(1).flatten(0, 1))
        return gradient.sum(1), None, None, None


class _Piece(torch.autograd.Function):
    """``_tiles``, computed again on the way back: what lies between would fill the memory."""

    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(ctx: Any, *work: Any) -> Tensor:
        ctx.save_for_backward(*work[:7])
        ctx.rest = work[7:]
        return _tiles(*work)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Optional[Tensor], ...]:  # type: ignore[override]
        with torch.enable_grad():
            leaves = [t.detach().requires_grad_() for t in ctx.saved_tensors[:4]]
            again = _tiles(*leaves, *ctx.saved_tensors[4:], *ctx.rest)
        return (*torch.autograd.grad(again, leaves, gradient), None, None, None, None, None)


def render(
    means2d: Tensor,
    conics: Tensor,
    colors: Tensor,
    opacities: Tensor,
    backgrounds: Optional[Tensor],
    ids: Tensor,
    ends: Tensor,
    grid: Grid,
    absolute: Optional[Tensor] = None,
) -> tuple[Tensor, Tensor]:
    """Pictures [I, H, W, D] and their alphas [I, H, W, 1]; ``ends`` [tiles + 1]: parts of ``ids``."""
    lengths = ends[1:] - ends[:-1]
    ranked = lengths.argsort(descending=True, stable=True).tolist()
    sizes = lengths.tolist()
    pixels, depth = grid.tile**2, colors.shape[-1]
    parts: list[Tensor] = []
    begin = 0
    while begin < len(ranked):
        most = max(sizes[ranked[begin]], 1)
        several = max(_PIECE // (most * pixels), 1)
        tiles = torch.tensor(ranked[begin : begin + several], device=ids.device)
        begin += several
        if not len(ids):
            nothing = means2d.new_zeros(len(tiles), pixels, depth + 1)
            parts.append(nothing + 0 * means2d.sum())  # a gradient that is zero
            continue
        at = ends[tiles][:, None] + torch.arange(most, device=ids.device)
        there = at < ends[tiles + 1][:, None]
        some = ids[at.clamp(max=len(ids) - 1)].long()
        parts.append(
            _Piece.apply(means2d, conics, colors, opacities, some, there, tiles, grid, absolute)
        )
    flat = torch.cat(parts)[torch.tensor(ranked, device=ids.device).argsort()]
    shape = (grid.images, grid.down, grid.across, grid.tile, grid.tile, depth + 1)
    whole = (
        flat.reshape(shape)
        .transpose(2, 3)
        .reshape(grid.images, grid.down * grid.tile, grid.across * grid.tile, depth + 1)[
            :, : grid.height, : grid.width
        ]
    )
    image, alphas = whole[..., :-1], whole[..., -1:]
    if backgrounds is not None:
        image = image + (1 - alphas) * backgrounds[:, None, None]
    return image, alphas


def _tiles(
    means2d: Tensor,
    conics: Tensor,
    colors: Tensor,
    opacities: Tensor,
    ids: Tensor,
    there: Tensor,
    tiles: Tensor,
    grid: Grid,
    absolute: Optional[Tensor],
) -> Tensor:
    """Colors and alphas [t, pixels, D + 1] of tiles whose Gaussians are ``ids`` [t, g], front to back."""
    inner = torch.arange(grid.tile**2, device=ids.device)
    place = tiles % (grid.across * grid.down)
    x = (place % grid.across)[:, None] * grid.tile + inner % grid.tile
    y = place.div(grid.across, rounding_mode="floor")[:, None] * grid.tile + inner.div(
        grid.tile, rounding_mode="floor"
    )
    centres = torch.stack((x, y), -1).to(means2d.dtype) + 0.5
    means = _Spread.apply(means2d[ids], ids, grid.tile**2, absolute)
    dx, dy = (centres[:, :, None] - means).unbind(-1)
    a, b, c = conics[ids][:, None].unbind(-1)
    sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy
    raw = opacities[ids][:, None] * torch.exp(-sigma)
    alpha = torch.where(raw > ALPHA_MOST, ALPHA_MOST, raw)  # a NaN stays one, and does not count
    alpha = torch.where(there[:, None] & (sigma >= 0) & (alpha >= ALPHA_LEAST), alpha, 0.0)
    behind = (1 - alpha).cumprod(-1)
    with torch.no_grad():
        counted = behind > LIGHT_LEAST
    alpha = torch.where(counted, alpha, 0.0)
    light = (1 - alpha).cumprod(-1)
    before = torch.cat((torch.ones_like(light[..., :1]), light[..., :-1]), -1)
    return torch.cat(((alpha * before) @ colors[ids], 1 - light[..., -1:]), -1)

"""Which tiles each Gaussian may color, in tile and depth order, by Triton kernels: one lane a Gaussian."""

from __future__ import annotations

from typing import Optional

import torch
import triton
import triton.language as tl
from torch import Tensor

from ._lens import ALPHA_LEAST, Grid

_BLOCK = 32  # Gaussians that are written to their tiles together


@triton.jit
def _box(means2d, radii, g, there, across, down, TILE: tl.constexpr):
    x, y = tl.load(means2d + g * 2, there, 0.0), tl.load(means2d + g * 2 + 1, there, 0.0)
    rx, ry = (
        tl.load(radii + g * 2, there, 0).to(tl.float32),
        tl.load(radii + g * 2 + 1, there, 0).to(tl.float32),
    )
    x0 = tl.minimum(tl.maximum(tl.floor((x - rx) / TILE), 0.0), across).to(tl.int32)
    x1 = tl.minimum(tl.maximum(tl.ceil((x + rx) / TILE), 0.0), across).to(tl.int32)
    y0 = tl.minimum(tl.maximum(tl.floor((y - ry) / TILE), 0.0), down).to(tl.int32)
    y1 = tl.minimum(tl.maximum(tl.ceil((y + ry) / TILE), 0.0), down).to(tl.int32)
    seen = there & (rx > 0) & (ry > 0)
    return (
        x,
        y,
        ry,
        tl.where(seen, x0, 0),
        tl.where(seen, x1, 0),
        tl.where(seen, y0, 0),
        tl.where(seen, y1, 0),
    )


@triton.jit
def _ellipse(conics, opacities, g, there, LEAST: tl.constexpr):
    """Of the ellipse within which alpha counts: its middle line's slope, half its width there, whether it is one.

    Faint within the box of its radii only: an opacity over 1 reaches beyond them, and is not narrowed.
    """
    a, b = tl.load(conics + g * 3, there, 1.0), tl.load(conics + g * 3 + 1, there, 0.0)
    opacity = tl.load(opacities + g, there, 1.0)
    sound = (a > 0) & (opacity >= LEAST) & (opacity <= 1)
    reach = tl.sqrt(2 * tl.log(tl.where(sound, opacity, 1.0) / LEAST) / tl.where(sound, a, 1.0))
    return -b / tl.where(sound, a, 1.0), reach, sound


@triton.jit
def _part(x, y, ry, slope, reach, sound, x0, x1, row, TILE: tl.constexpr):
    """The first tile of a row that the ellipse may touch, and past the last.

    Its right border at a height dy is slope dy + reach sqrt(1 - (dy / ry)^2): greatest at one height, and
    beyond that at the end of the row that is nearer to it. A little wider, for what rounding takes.
    """
    ry = ry + 0.01
    top = tl.maximum(row.to(tl.float32) * TILE + 0.5 - y, -ry)
    bottom = tl.minimum(row.to(tl.float32) * TILE + (TILE - 0.5) - y, ry)
    tilt = slope * ry / reach
    crest = ry * tilt / tl.sqrt(1 + tilt * tilt)
    right_y = tl.minimum(tl.maximum(crest, top), bottom)
    left_y = tl.minimum(tl.maximum(-crest, top), bottom)
    right_t, left_t = right_y / ry, left_y / ry
    right = (
        slope * right_y + reach * tl.sqrt(tl.maximum(1 - right_t * right_t, 0.0)) * 1.0001 + 0.02
    )
    left = slope * left_y - reach * tl.sqrt(tl.maximum(1 - left_t * left_t, 0.0)) * 1.0001 - 0.02
    # A tile's pixels have their centres from half a pixel within it on.
    first = tl.ceil((x + left - (TILE - 0.5)) / TILE)
    past = tl.floor((x + right - 0.5) / TILE) + 1
    begin = tl.maximum(x0, tl.minimum(tl.maximum(first, -1.0), 1e6).to(tl.int32))
    end = tl.minimum(x1, tl.minimum(tl.maximum(past, -1.0), 1e6).to(tl.int32))
    begin, end = tl.where(sound, begin, x0), tl.where(sound, end, x1)
    return begin, tl.maximum(begin, tl.where(top <= bottom, end, begin))


@triton.jit
def _count(
    means2d, radii, conics, opacities, boxes, counts, n, across, down,
    LEAST: tl.constexpr, TILE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    g = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = g < n
    x, y, ry, x0, x1, y0, y1 = _box(means2d, radii, g, there, across, down, TILE)
    slope, reach, sound = _ellipse(conics, opacities, g, there, LEAST)
    number = tl.zeros((BLOCK,), tl.int32)
    row = y0
    while tl.max((row < y1).to(tl.int32), 0) > 0:
        begin, end = _part(x, y, ry, slope, reach, sound, x0, x1, row, TILE)
        number += tl.where(row < y1, end - begin, 0)
        row += 1
    tl.store(boxes + g, (x1 - x0) * (y1 - y0), there)
    tl.store(counts + g, number, there)


@triton.jit
def _fill(
    means2d, radii, conics, opacities, images, order, ends, counts, tiles, ids, n, each, across, down,
    nowhere, LEAST: tl.constexpr, TILE: tl.constexpr, PACKED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = lane < n
    g = tl.load(order + lane, there, 0)
    count = tl.load(counts + g, there, 0)
    at = tl.load(ends + lane, there, 0) - count
    end_at = at + count
    image = (g // each).to(tl.int32)
    if PACKED:
        image = tl.load(images + g, there, 0).to(tl.int32)
    x, y, ry, x0, x1, y0, y1 = _box(means2d, radii, g, there, across, down, TILE)
    slope, reach, sound = _ellipse(conics, opacities, g, there, LEAST)
    row = y0
    while tl.max(((row < y1) & (at < end_at)).to(tl.int32), 0) > 0:
        column, end = _part(x, y, ry, slope, reach, sound, x0, x1, row, TILE)
        end = tl.where(row < y1, end, column)
        first = (image * down + row) * across
        while tl.max((column < end).to(tl.int32), 0) > 0:
            # Counted elsewhere: another rounding there must not write past the end.
            to = (column < end) & (at < end_at)
            tl.store(tiles + at, (first + column).to(tiles.dtype.element_ty), to)
            tl.store(ids + at, g.to(tl.int32), to)
            at += to
            column += 1
        row += 1
    while tl.max((at < end_at).to(tl.int32), 0) > 0:  # fewer than were counted: past the last tile
        tl.store(tiles + at, tl.full((BLOCK,), 0, tiles.dtype.element_ty) + nowhere, at < end_at)
        tl.store(ids + at, g.to(tl.int32), at < end_at)
        at += at < end_at


def entries(
    means2d: Tensor, radii: Tensor, conics: Tensor, opacities: Tensor, images: Optional[Tensor],
    depths: Tensor, grid: Grid,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Tiles of each Gaussian's box [n]; then by tile and depth: tiles and Gaussians; the tiles' ends.

    Each is listed in those tiles of its box that it may color. ``ends`` is int32 [tiles + 1].
    """
    n = len(means2d)
    kind = torch.int16 if grid.tiles < 1 << 15 else torch.int32
    bounds = torch.arange(grid.tiles + 1, device=means2d.device, dtype=kind)
    boxes, number = means2d.new_empty(2, n, dtype=torch.int32)
    if n:
        some = (means2d, radii, conics, opacities)
        blocks = (triton.cdiv(n, _BLOCK),)
        rules = {"LEAST": ALPHA_LEAST, "TILE": grid.tile, "BLOCK": _BLOCK, "num_warps": 1}
        _count[blocks](*some, boxes, number, n, grid.across, grid.down, **rules)
        order = depths.sort(stable=True).indices
        ends = number[order].cumsum(0)
        total = int(ends[-1])
    if not n or not total:
        nothing = means2d.new_zeros(0, dtype=kind)
        return boxes, nothing, nothing.int(), torch.zeros_like(bounds, dtype=torch.int32)
    tiles = means2d.new_empty(total, dtype=kind)
    ids = means2d.new_empty(total, dtype=torch.int32)
    _fill[blocks](
        *some, images, order, ends, number, tiles, ids, n, n // grid.images or 1, grid.across,
        grid.down, grid.tiles, PACKED=images is not None, **rules,
    )  # fmt: skip
    tiles, order = tiles.sort(stable=True)
    return (
        boxes,
        tiles,
        ids.index_select(0, order),
        torch.searchsorted(tiles, bounds, out_int32=True),
    )


@triton.jit
def _cross(tiles, ids, depths, out, n, each, bits, BLOCK: tl.constexpr):
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = lane < n
    tile = tl.load(tiles + lane, there, 0).to(tl.int64)
    image = tile // each
    depth = tl.load(depths + tl.load(ids + lane, there, 0), there, 0.0).to(tl.uint32, bitcast=True)
    number = (image << bits) | (tile - image * each)
    tl.store(out + lane, (number << 32) | depth.to(tl.int64), there)


def intersections(tiles: Tensor, ids: Tensor, depths: Tensor, grid: Grid) -> Tensor:
    """As the eager one, in one kernel."""
    out = torch.empty_like(tiles, dtype=torch.int64)
    if len(out):
        _cross[(triton.cdiv(len(out), 1024),)](
            tiles, ids, depths, out, len(out), grid.across * grid.down, grid.bits, BLOCK=1024
        )
    return out

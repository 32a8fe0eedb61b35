"""Pixels as Triton kernels: a program is one tile, which composes its Gaussians one by one.

Front to back for the picture, back to front for the gradient. A program sums a Gaussian's gradient over
the tile before it touches memory; sums are moments of the loss's derivative by the exponent, as in the
splat kernel of gpufix's suite. Pictures of more than four channels are made in passes of four.
"""

from __future__ import annotations

import math
from typing import Any, Optional

import torch
import triton
import triton.language as tl
from torch import Tensor

from ._lens import ALPHA_LEAST, ALPHA_MOST, LIGHT_LEAST, Grid

CHANNELS = 4  # of one pass
_FAINT = math.log2(ALPHA_LEAST)


@triton.jit
def _pixels(tile, width, height, across, down, TILE: tl.constexpr):
    """Centres of a tile's pixels, which are inside, and where they lie in the pictures."""
    lane = tl.arange(0, TILE * TILE)
    image = tile // (across * down)
    place = tile - image * across * down
    x = place % across * TILE + lane % TILE
    y = place // across * TILE + lane // TILE
    at = (image.to(tl.int64) * height + y) * width + x
    return x.to(tl.float32) + 0.5, y.to(tl.float32) + 0.5, (x < width) & (y < height), at, image


@triton.jit
def _splat(means2d, conics, opacities, colors, g, channels, first, CHANNELS: tl.constexpr):
    """One Gaussian's numbers; channels that are not there are the first one again."""
    c = colors + g * channels + first
    return (
        tl.load(means2d + g * 2), tl.load(means2d + g * 2 + 1), tl.load(conics + g * 3),
        tl.load(conics + g * 3 + 1), tl.load(conics + g * 3 + 2), tl.load(opacities + g), tl.load(c),
        tl.load(c + (1 if CHANNELS > 1 else 0)), tl.load(c + (2 if CHANNELS > 2 else 0)),
        tl.load(c + (3 if CHANNELS > 3 else 0)),
    )  # fmt: skip


@triton.jit
def _power(x, FAST: tl.constexpr):
    """2^x; FAST: by NVIDIA's unit for it, without a way around numbers that do not occur here."""
    if FAST:
        return tl.inline_asm_elementwise(
            "ex2.approx.ftz.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1
        )
    else:
        return tl.exp2(x)


@triton.jit
def _inverse(x, FAST: tl.constexpr):
    if FAST:
        return tl.inline_asm_elementwise(
            "rcp.approx.ftz.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1
        )
    else:
        return 1.0 / x


@triton.jit
def _exponent(dx, dy, a, b, c, opacity):
    """log2 of alpha before it is held, and the most that a sound conic gives.

    An exponent above that opacity's own means a conic that is none; rounding is not taken for it.
    """
    top = tl.log2(opacity)  # log2(e) / 2 and log2(e) below
    base = top - 0.72134752 * a * dx * dx
    return base - dy * (0.72134752 * c * dy + 1.44269504 * b * dx), top + 1e-3


@triton.jit
def _render(
    means2d, conics, colors, opacities, backgrounds, ids, ends, picture, alphas, lights, lasts,
    width, height, across, down, channels, first,
    BACKED: tl.constexpr, CHANNELS: tl.constexpr, FAINT: tl.constexpr, MOST: tl.constexpr,
    DARK: tl.constexpr, TILE: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    px, py, inside, at, image = _pixels(tile, width, height, across, down, TILE)
    k, end = tl.load(ends + tile), tl.load(ends + tile + 1)
    light = tl.where(inside, 1.0, 0.0)
    least = tl.where(inside, FAINT, float("inf"))  # infinite once a pixel is finished
    last = tl.full((TILE * TILE,), -1, tl.int32)
    c0 = tl.zeros((TILE * TILE,), tl.float32)
    c1, c2, c3 = c0, c0, c0
    g = tl.load(ids + k, k < end, 0).to(tl.int64)
    while k < end:
        mx, my, a, b, c, opacity, v0, v1, v2, v3 = _splat(
            means2d, conics, opacities, colors, g, channels, first, CHANNELS
        )
        g = tl.load(ids + k + 1, k + 1 < end, 0).to(tl.int64)
        exponent, top = _exponent(px - mx, py - my, a, b, c, opacity)
        hit = (exponent >= least) & (exponent <= top)
        alpha = tl.minimum(_power(exponent, FAST), MOST)
        behind = light - light * alpha
        dark = hit & (behind <= DARK)
        least = tl.where(dark, float("inf"), least)
        hit = hit & (dark == 0)
        weight = tl.where(hit, alpha * light, 0.0)
        c0 += weight * v0
        if CHANNELS > 1:
            c1 += weight * v1
        if CHANNELS > 2:
            c2 += weight * v2
        if CHANNELS > 3:
            c3 += weight * v3
        light = tl.where(hit, behind, light)
        last = tl.where(hit, k, last)
        k += 1
        # Whether all pixels are finished, now and then: an `and` would compute both sides each time.
        if k % 16 == 0:  # noqa: SIM102
            if tl.min(least, 0) == float("inf"):
                k = end
    if BACKED:
        back = backgrounds + image * channels + first
        c0 += light * tl.load(back)
        if CHANNELS > 1:
            c1 += light * tl.load(back + 1)
        if CHANNELS > 2:
            c2 += light * tl.load(back + 2)
        if CHANNELS > 3:
            c3 += light * tl.load(back + 3)
    to = picture + at * channels + first
    tl.store(to, c0, inside)
    if CHANNELS > 1:
        tl.store(to + 1, c1, inside)
    if CHANNELS > 2:
        tl.store(to + 2, c2, inside)
    if CHANNELS > 3:
        tl.store(to + 3, c3, inside)
    if first == 0:
        tl.store(alphas + at, 1 - light, inside)
        tl.store(lights + at, light, inside)
        tl.store(lasts + at, last, inside)


@triton.jit
def _columns(values, TILE: tl.constexpr, LANES: tl.constexpr):
    """Sums within lanes: each lane's pixels stand in one column."""
    return tl.sum(tl.reshape(values, (TILE * TILE // LANES, LANES)), 0)


@triton.jit
def _back(
    means2d, conics, colors, opacities, backgrounds, ids, ends, lights, lasts, by_picture, by_alphas,
    sums, width, height, across, down, channels, first, each,
    BACKED: tl.constexpr, ABSOLUTE: tl.constexpr, CHANNELS: tl.constexpr, FAINT: tl.constexpr,
    MOST: tl.constexpr, TILE: tl.constexpr, LANES: tl.constexpr,
    FAST: tl.constexpr,
):  # fmt: skip
    """Adds to ``sums`` [n, each]: six moments, two absolute gradients of the mean where asked for, colors."""
    tile = tl.program_id(0)
    px, py, inside, at, image = _pixels(tile, width, height, across, down, TILE)
    begin = tl.load(ends + tile)
    light = tl.load(lights + at, inside, 0.0)
    last = tl.load(lasts + at, inside, -1)
    g0 = tl.load(by_picture + at * channels + first, inside, 0.0)
    g1, g2, g3 = g0, g0, g0
    if CHANNELS > 1:
        g1 = tl.load(by_picture + at * channels + first + 1, inside, 0.0)
    if CHANNELS > 2:
        g2 = tl.load(by_picture + at * channels + first + 2, inside, 0.0)
    if CHANNELS > 3:
        g3 = tl.load(by_picture + at * channels + first + 3, inside, 0.0)
    behind = tl.zeros((TILE * TILE,), tl.float32)  # what lies behind, times the gradients
    if first == 0:
        behind -= tl.load(by_alphas + at, inside, 0.0)
    if BACKED:
        back = backgrounds + image * channels + first
        behind += g0 * tl.load(back)
        if CHANNELS > 1:
            behind += g1 * tl.load(back + 1)
        if CHANNELS > 2:
            behind += g2 * tl.load(back + 2)
        if CHANNELS > 3:
            behind += g3 * tl.load(back + 3)
    behind *= light
    slot = tl.arange(0, 16)
    columns = (tile % (across * down) % across * TILE + tl.arange(0, LANES) % TILE).to(
        tl.float32
    ) + 0.5
    geometry = 8 if ABSOLUTE else 6
    k = tl.max(last, 0)
    g = tl.load(ids + k, k >= begin, 0).to(tl.int64)
    while k >= begin:
        own = g
        mx, my, a, b, c, opacity, v0, v1, v2, v3 = _splat(
            means2d, conics, opacities, colors, g, channels, first, CHANNELS
        )
        g = tl.load(ids + k - 1, k > begin, 0).to(tl.int64)
        dx, dy = px - mx, py - my
        exponent, top = _exponent(dx, dy, a, b, c, opacity)
        hit = (k <= last) & (exponent >= FAINT) & (exponent <= top)
        if tl.max(hit.to(tl.int32), 0) > 0:
            raw = _power(exponent, FAST)
            alpha = tl.minimum(raw, MOST)
            inverse = _inverse(1 - alpha, FAST)
            light = tl.where(hit, light * inverse, light)  # now what reaches this Gaussian
            weight = tl.where(hit, alpha * light, 0.0)
            along = g0 * v0
            if CHANNELS > 1:
                along += g1 * v1
            if CHANNELS > 2:
                along += g2 * v2
            if CHANNELS > 3:
                along += g3 * v3
            by_alpha = light * along - inverse * behind
            behind += weight * along
            v = tl.where(hit & (raw <= MOST), -raw * by_alpha, 0.0)  # by half the squared distance
            # A column's pixels have one dx: what stands there is summed before it is multiplied.
            vy, across_dx = v * dy, columns - mx
            s, sy = _columns(v, TILE, LANES), _columns(vy, TILE, LANES)
            sx = s * across_dx
            s0, s1, s2 = tl.sum(s, 0), tl.sum(sx, 0), tl.sum(sy, 0)
            s3, s4, s5 = tl.sum(sx * across_dx, 0), tl.sum(sy * across_dx, 0), tl.sum(vy * dy, 0)
            all_sums = tl.where(
                slot == 0, s0, tl.where(slot == 1, s1, tl.where(slot == 2, s2, 0.0))
            )
            all_sums = tl.where(
                slot == 3, s3, tl.where(slot == 4, s4, tl.where(slot == 5, s5, all_sums))
            )
            if ABSOLUTE:
                all_sums = tl.where(slot == 6, tl.sum(tl.abs(v * (a * dx + b * dy)), 0), all_sums)
                all_sums = tl.where(slot == 7, tl.sum(tl.abs(v * (b * dx + c * dy)), 0), all_sums)
            all_sums = tl.where(slot == geometry, tl.sum(weight * g0, 0), all_sums)
            if CHANNELS > 1:
                all_sums = tl.where(slot == geometry + 1, tl.sum(weight * g1, 0), all_sums)
            if CHANNELS > 2:
                all_sums = tl.where(slot == geometry + 2, tl.sum(weight * g2, 0), all_sums)
            if CHANNELS > 3:
                all_sums = tl.where(slot == geometry + 3, tl.sum(weight * g3, 0), all_sums)
            place = tl.where(slot < geometry, slot, slot + first)
            tl.atomic_add(
                sums + own * each + place, all_sums, slot < geometry + CHANNELS, sem="relaxed"
            )
        k -= 1


@triton.jit
def _finish(
    sums, conics, opacities, by_means2d, by_absolute, by_conics, by_opacities, by_colors,
    n, channels, each, ABSOLUTE: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """From moments to gradients."""
    g = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = g < n
    at = sums + g * each
    s0, s1, s2 = tl.load(at, there, 0.0), tl.load(at + 1, there, 0.0), tl.load(at + 2, there, 0.0)
    a, b = tl.load(conics + g * 3, there, 0.0), tl.load(conics + g * 3 + 1, there, 0.0)
    c = tl.load(conics + g * 3 + 2, there, 0.0)
    tl.store(by_means2d + g * 2, -(a * s1 + b * s2), there)
    tl.store(by_means2d + g * 2 + 1, -(b * s1 + c * s2), there)
    tl.store(by_conics + g * 3, 0.5 * tl.load(at + 3, there, 0.0), there)
    tl.store(by_conics + g * 3 + 1, tl.load(at + 4, there, 0.0), there)
    tl.store(by_conics + g * 3 + 2, 0.5 * tl.load(at + 5, there, 0.0), there)
    opacity = tl.load(opacities + g, there, 1.0)
    tl.store(by_opacities + g, tl.where(s0 == 0, 0.0, -s0 / opacity), there)
    geometry = 6
    if ABSOLUTE:
        geometry = 8
        tl.store(by_absolute + g * 2, tl.load(at + 6, there, 0.0), there)
        tl.store(by_absolute + g * 2 + 1, tl.load(at + 7, there, 0.0), there)
    channel = tl.arange(0, WIDE)[None, :]
    color = there[:, None] & (channel < channels)
    tl.store(
        by_colors + g[:, None] * channels + channel,
        tl.load(at[:, None] + geometry + channel, color, 0.0),
        color,
    )


def _warps(grid: Grid) -> int:
    """Eight pixels a lane (four on AMD's wide waves), up to four waves."""
    return max(1, min(4, grid.tile**2 // 256))


def _lanes(grid: Grid) -> int:
    """Of a program, as far as a tile has pixels for them."""
    return min((64 if torch.version.hip else 32) * _warps(grid), grid.tile**2)


def _fast(tensor: Tensor) -> bool:
    """Whether NVIDIA's own instructions can be used: compiled, for such a GPU."""
    return tensor.is_cuda and torch.version.hip is None


class _Render(torch.autograd.Function):
    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        means2d: Tensor,
        conics: Tensor,
        colors: Tensor,
        opacities: Tensor,
        backgrounds: Optional[Tensor],
        ids: Tensor,
        ends: Tensor,
        grid: Grid,
        absolute: Optional[Tensor],
    ) -> tuple[Tensor, Tensor]:
        shape, channels = (grid.images, grid.height, grid.width), colors.shape[-1]
        picture, alphas = means2d.new_empty(*shape, channels), means2d.new_empty(*shape, 1)
        lights, lasts = means2d.new_empty(shape), means2d.new_empty(shape, dtype=torch.int32)
        for first in range(0, channels, CHANNELS):
            _render[(grid.tiles,)](
                means2d, conics, colors, opacities, backgrounds, ids, ends, picture, alphas, lights,
                lasts, grid.width, grid.height, grid.across, grid.down, channels, first,
                BACKED=backgrounds is not None, CHANNELS=min(CHANNELS, channels - first),
                FAINT=_FAINT, MOST=ALPHA_MOST, DARK=LIGHT_LEAST, TILE=grid.tile, FAST=_fast(means2d),
                num_warps=_warps(grid),
            )  # fmt: skip
        ctx.save_for_backward(
            means2d, conics, colors, opacities, backgrounds, ids, ends, lights, lasts
        )
        ctx.grid, ctx.absolute = grid, absolute
        return picture, alphas

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, by_picture: Tensor, by_alphas: Tensor
    ) -> tuple[Optional[Tensor], ...]:
        means2d, conics, colors, opacities, backgrounds, ids, ends, lights, lasts = (
            ctx.saved_tensors
        )
        grid, absolute = ctx.grid, ctx.absolute
        n, channels = colors.shape
        each = channels + (6 if absolute is None else 8)
        sums = means2d.new_zeros(n, each)
        by_picture, by_alphas = by_picture.contiguous(), by_alphas.contiguous()
        for first in range(0, channels, CHANNELS) if len(ids) else ():
            _back[(grid.tiles,)](
                means2d, conics, colors, opacities, backgrounds, ids, ends, lights, lasts, by_picture,
                by_alphas, sums, grid.width, grid.height, grid.across, grid.down, channels, first, each,
                BACKED=backgrounds is not None, ABSOLUTE=absolute is not None,
                CHANNELS=min(CHANNELS, channels - first), FAINT=_FAINT, MOST=ALPHA_MOST,
                TILE=grid.tile, LANES=_lanes(grid), FAST=_fast(means2d), num_warps=_warps(grid),
            )  # fmt: skip
        out = [torch.empty_like(t) for t in (means2d, conics, opacities, colors)]
        by_means2d, by_conics, by_opacities, by_colors = out
        if n:
            _finish[(triton.cdiv(n, 128),)](
                sums, conics, opacities, by_means2d, absolute, by_conics, by_opacities, by_colors, n,
                channels, each, ABSOLUTE=absolute is not None, WIDE=triton.next_power_of_2(channels),
                BLOCK=128,
            )  # fmt: skip
        by_backgrounds = None
        if ctx.needs_input_grad[4]:
            by_backgrounds = (by_picture * lights[..., None]).sum((1, 2))
        return (
            by_means2d,
            by_conics,
            by_colors,
            by_opacities,
            by_backgrounds,
            None,
            None,
            None,
            None,
        )


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
    """As the eager one, in float32; ``absolute`` [n, 2] is written."""
    some = (means2d, conics, colors, opacities, backgrounds)
    ready = (t if t is None else t.contiguous() for t in some)
    return _Render.apply(*ready, ids, ends, grid, absolute)  # type: ignore[no-any-return]

"""Colors from spherical harmonics as Triton kernels: whole rows of coefficients at a time."""

from __future__ import annotations

from typing import Any, Optional

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 32


@triton.jit
def _pick4(k, a, b, c, d):
    return tl.where(
        k == 0, a[:, None], tl.where(k == 1, b[:, None], tl.where(k == 2, c[:, None], d[:, None]))
    )


@triton.jit
def _sixteen(b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15):
    """Columns side by side: [BLOCK, 16]."""
    k = tl.arange(0, 16)[None, :]
    low = tl.where(k < 4, _pick4(k, b0, b1, b2, b3), _pick4(k - 4, b4, b5, b6, b7))
    high = tl.where(k < 12, _pick4(k - 8, b8, b9, b10, b11), _pick4(k - 12, b12, b13, b14, b15))
    return tl.where(k < 8, low, high)


@triton.jit
def _basis(x, y, z):
    xx, yy, zz = x * x, y * y, z * z
    return _sixteen(
        0.282094792 + 0 * x, -0.488602512 * y, 0.488602512 * z, -0.488602512 * x,
        1.09254843 * x * y, -1.09254843 * y * z, 0.315391565 * (2 * zz - xx - yy), -1.09254843 * x * z, 0.546274215 * (xx - yy),
        -0.59004359 * y * (3 * xx - yy), 2.89061144 * x * y * z, -0.457045799 * y * (4 * zz - xx - yy),
        0.373176333 * z * (2 * zz - 3 * xx - 3 * yy), -0.457045799 * x * (4 * zz - xx - yy),
        1.44530572 * z * (xx - yy), -0.59004359 * x * (xx - 3 * yy),
    )  # fmt: skip


@triton.jit
def _slopes(x, y, z):
    """The basis's derivatives by x, y and z."""
    n, xx, yy, zz = 0 * x, x * x, y * y, z * z
    bx = _sixteen(
        n, n, n, n - 0.488602512, 1.09254843 * y, n, -0.630783131 * x, -1.09254843 * z, 1.09254843 * x,
        -3.54026154 * x * y, 2.89061144 * y * z, 0.914091599 * x * y, -2.239058 * x * z,
        -0.457045799 * (4 * zz - 3 * xx - yy), 2.89061144 * x * z, -1.77013077 * (xx - yy),
    )  # fmt: skip
    by = _sixteen(
        n, n - 0.488602512, n, n, 1.09254843 * x, -1.09254843 * z, -0.630783131 * y, n, -1.09254843 * y,
        -1.77013077 * (xx - yy), 2.89061144 * x * z, -0.457045799 * (4 * zz - xx - 3 * yy), -2.239058 * y * z,
        0.914091599 * x * y, -2.89061144 * y * z, 3.54026154 * x * y,
    )  # fmt: skip
    bz = _sixteen(
        n, n, n + 0.488602512, n, n, -1.09254843 * y, 1.26156626 * z, -1.09254843 * x, n,
        n, 2.89061144 * x * y, -3.6563664 * y * z, 1.119529 * (2 * zz - xx - yy), -3.6563664 * x * z,
        1.44530572 * (xx - yy), n,
    )  # fmt: skip
    return bx, by, bz


@triton.jit
def _unit(directions, lane, there):
    x, y = (
        tl.load(directions + lane * 3, there, 0.0),
        tl.load(directions + lane * 3 + 1, there, 0.0),
    )
    z = tl.load(directions + lane * 3 + 2, there, 1.0)
    inverse = 1.0 / tl.maximum(tl.sqrt(x * x + y * y + z * z), 1e-15)
    return x * inverse, y * inverse, z * inverse, inverse


@triton.jit
def _wanted(masks, rows, lane, n, MASKED: tl.constexpr, ALONE: tl.constexpr):
    """Which lanes count, and their rows of coefficients. MASKED: numbers a lane in ``masks``."""
    there = lane < n
    if MASKED > 0:
        there = there & (tl.load(masks + lane * MASKED, there, 0) != 0)
    row = lane
    if not ALONE:
        row = tl.load(rows + lane, there, 0)
    return there, row


@triton.jit
def _harmonics(
    directions, coefficients, rows, masks, colors, n, stride,
    COUNT: tl.constexpr, MASKED: tl.constexpr, ALONE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there, row = _wanted(masks, rows, lane, n, MASKED, ALONE)
    x, y, z, _inverse = _unit(directions, lane, there)
    k, c = tl.arange(0, 16)[None, :, None], tl.arange(0, 4)[None, None, :]
    wanted = there[:, None, None] & (k < COUNT) & (c < 3)
    some = tl.load(coefficients + row[:, None, None] * stride + k * 3 + c, wanted, 0.0)
    color = tl.sum(_basis(x, y, z)[:, :, None] * some, 1)
    channel = tl.arange(0, 4)[None, :]
    tl.store(colors + lane[:, None] * 3 + channel, color, (lane < n)[:, None] & (channel < 3))


@triton.jit
def _back(
    directions, coefficients, rows, masks, by_colors, by_directions, by_coefficients, n, stride,
    COUNT: tl.constexpr, MASKED: tl.constexpr, ALONE: tl.constexpr, WHOLE: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there, row = _wanted(masks, rows, lane, n, MASKED, ALONE)
    x, y, z, inverse = _unit(directions, lane, there)
    k, c = tl.arange(0, 16)[None, :, None], tl.arange(0, 4)[None, None, :]
    channel = tl.arange(0, 4)[None, :]
    g = tl.load(by_colors + lane[:, None] * 3 + channel, there[:, None] & (channel < 3), 0.0)
    wanted = there[:, None, None] & (k < COUNT) & (c < 3)
    at = row[:, None, None] * stride + k * 3 + c
    by = _basis(x, y, z)[:, :, None] * g[:, None, :]
    if WHOLE:  # each row once, and all of it: zeros too
        kept = (lane < n)[:, None, None] & (k * 3 + c < stride) & (c < 3)
        tl.store(by_coefficients + at, tl.where(wanted, by, 0.0), kept)
    else:
        tl.atomic_add(by_coefficients + at, by, wanted, sem="relaxed")
    weight = tl.sum(tl.load(coefficients + at, wanted, 0.0) * g[:, None, :], 2)
    bx, by_, bz = _slopes(x, y, z)
    gx, gy, gz = tl.sum(weight * bx, 1), tl.sum(weight * by_, 1), tl.sum(weight * bz, 1)
    along = gx * x + gy * y + gz * z
    tl.store(by_directions + lane * 3, inverse * (gx - along * x), lane < n)
    tl.store(by_directions + lane * 3 + 1, inverse * (gy - along * y), lane < n)
    tl.store(by_directions + lane * 3 + 2, inverse * (gz - along * z), lane < n)


class _Harmonics(torch.autograd.Function):
    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        degree: int,
        directions: Tensor,
        coefficients: Tensor,
        rows: Optional[Tensor],
        masks: Optional[Tensor],
    ) -> Tensor:
        n, stride = len(directions), 3 * coefficients.shape[1]
        colors = directions.new_empty(n, 3)
        ctx.count = (degree + 1) ** 2
        if n:
            _harmonics[(triton.cdiv(n, _BLOCK),)](
                directions, coefficients, rows, masks, colors, n, stride, COUNT=ctx.count,
                MASKED=0 if masks is None else masks.stride(0), ALONE=rows is None, BLOCK=_BLOCK, num_warps=2,
            )  # fmt: skip
        ctx.save_for_backward(directions, coefficients, rows, masks)
        return colors

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_colors: Tensor) -> tuple[Optional[Tensor], ...]:  # type: ignore[override]
        directions, coefficients, rows, masks = ctx.saved_tensors
        n, stride = len(directions), 3 * coefficients.shape[1]
        whole = rows is None and stride <= 48
        new = torch.empty_like if whole else torch.zeros_like
        by_directions, by_coefficients = torch.empty_like(directions), new(coefficients)
        if n:
            _back[(triton.cdiv(n, _BLOCK),)](
                directions, coefficients, rows, masks, by_colors.contiguous(), by_directions,
                by_coefficients, n, stride, COUNT=ctx.count, MASKED=0 if masks is None else masks.stride(0),
                ALONE=rows is None, WHOLE=whole, BLOCK=_BLOCK, num_warps=2,
            )  # fmt: skip
        return None, by_directions, by_coefficients, None, None


def harmonics(
    degree: int,
    directions: Tensor,
    coefficients: Tensor,
    rows: Optional[Tensor] = None,
    masks: Optional[Tensor] = None,
) -> Tensor:
    """As the eager one, in float32."""
    some = (directions.contiguous(), coefficients.contiguous(), rows, masks)
    return _Harmonics.apply(degree, *some)  # type: ignore[no-any-return]

"""Structural similarity in Triton: float32, a window of 11, sizes without limit.

A program walks down a strip of columns. Each row is blurred along the row out of the cache, then
down the column by a transposed FIR filter whose ten states live in registers: one fused
multiply-add both filters and shifts. Two variances appear only as their sum, so four moments are
enough. The derivatives of the map by the blurs of x, x*x and x*y go to memory; the backward kernel
blurs them in the same way.

Nothing here depends on the width of a wave, on matrix units or on shared memory.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ._window import RADIUS, WEIGHTS

# From the centre outwards.
_W0 = tl.constexpr(WEIGHTS[0])
_W1 = tl.constexpr(WEIGHTS[1])
_W2 = tl.constexpr(WEIGHTS[2])
_W3 = tl.constexpr(WEIGHTS[3])
_W4 = tl.constexpr(WEIGHTS[4])
_W5 = tl.constexpr(WEIGHTS[5])
_RADIUS = tl.constexpr(RADIUS)


@triton.jit
def _near(column, distance: tl.constexpr, width, row_inside):
    return row_inside & (column + distance >= 0) & (column + distance < width)


@triton.jit
def _add_pair(x, y, d: tl.constexpr, w, column, width, inside, sx, sy, ss, sp):
    left, right = _near(column, -d, width, inside), _near(column, d, width, inside)
    xl = tl.load(x - d, mask=left, other=0.0)
    xr = tl.load(x + d, mask=right, other=0.0)
    yl = tl.load(y - d, mask=left, other=0.0)
    yr = tl.load(y + d, mask=right, other=0.0)
    sx += w * (xl + xr)
    sy += w * (yl + yr)
    ss += w * (xl * xl + yl * yl + xr * xr + yr * yr)
    sp += w * (xl * yl + xr * yr)
    return sx, sy, ss, sp


@triton.jit
def _row_moments(x, y, column, width, inside):
    """Row blurs of x, y, x*x + y*y and x*y around the columns that ``x`` and ``y`` point at."""
    here = _near(column, 0, width, inside)
    x0 = tl.load(x, mask=here, other=0.0)
    y0 = tl.load(y, mask=here, other=0.0)
    sx, sy = _W0 * x0, _W0 * y0
    ss, sp = _W0 * (x0 * x0 + y0 * y0), _W0 * (x0 * y0)
    sx, sy, ss, sp = _add_pair(x, y, 1, _W1, column, width, inside, sx, sy, ss, sp)
    sx, sy, ss, sp = _add_pair(x, y, 2, _W2, column, width, inside, sx, sy, ss, sp)
    sx, sy, ss, sp = _add_pair(x, y, 3, _W3, column, width, inside, sx, sy, ss, sp)
    sx, sy, ss, sp = _add_pair(x, y, 4, _W4, column, width, inside, sx, sy, ss, sp)
    sx, sy, ss, sp = _add_pair(x, y, 5, _W5, column, width, inside, sx, sy, ss, sp)
    return sx, sy, ss, sp


@triton.jit
def _weighted(pointer, chain, d: tl.constexpr, column, width, inside, CHAIN: tl.constexpr):
    mask = _near(column, d, width, inside)
    value = tl.load(pointer + d, mask=mask, other=0.0)
    if CHAIN:
        value *= tl.load(chain + d, mask=mask, other=0.0)
    return value


@triton.jit
def _row_blur(pointer, chain, column, width, inside, CHAIN: tl.constexpr):
    """Row blur of what ``pointer`` points at, times the map's gradient where there is one."""
    total = _W0 * _weighted(pointer, chain, 0, column, width, inside, CHAIN)
    total += _W1 * (
        _weighted(pointer, chain, -1, column, width, inside, CHAIN)
        + _weighted(pointer, chain, 1, column, width, inside, CHAIN)
    )
    total += _W2 * (
        _weighted(pointer, chain, -2, column, width, inside, CHAIN)
        + _weighted(pointer, chain, 2, column, width, inside, CHAIN)
    )
    total += _W3 * (
        _weighted(pointer, chain, -3, column, width, inside, CHAIN)
        + _weighted(pointer, chain, 3, column, width, inside, CHAIN)
    )
    total += _W4 * (
        _weighted(pointer, chain, -4, column, width, inside, CHAIN)
        + _weighted(pointer, chain, 4, column, width, inside, CHAIN)
    )
    total += _W5 * (
        _weighted(pointer, chain, -5, column, width, inside, CHAIN)
        + _weighted(pointer, chain, 5, column, width, inside, CHAIN)
    )
    return total


@triton.jit
def _feed(h, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9):
    """Row r goes in; the column blur at row r - 5 comes out, and the filter's next states."""
    return (
        s0 + _W5 * h,
        s1 + _W4 * h,
        s2 + _W3 * h,
        s3 + _W2 * h,
        s4 + _W1 * h,
        s5 + _W0 * h,
        s6 + _W1 * h,
        s7 + _W2 * h,
        s8 + _W3 * h,
        s9 + _W4 * h,
        _W5 * h,
    )


@triton.jit
def _share(strips, segments, rows, height, BLOCK: tl.constexpr):
    """A program's plane, columns and rows: one strip of one segment of a plane."""
    program = tl.program_id(0)
    column = (program % strips) * BLOCK + tl.arange(0, BLOCK)
    rest = program // strips
    begin = (rest % segments) * rows
    return (rest // segments).to(tl.int64), column, begin, tl.minimum(begin + rows, height)


@triton.jit(do_not_specialize=["height", "width", "size", "strips", "segments", "rows", "margin"])
def _forward(
    x,
    y,
    similarity,  # the map, where MAP
    derivatives,  # 3 x size, where KEEP
    partial,  # a sum per program, where SUM
    height,
    width,
    size,  # of an image in all: planes * height * width
    strips,
    segments,
    rows,
    margin,  # pixels of the border that do not count
    c1,
    c2,
    scale,  # of the sums
    MAP: tl.constexpr,
    KEEP: tl.constexpr,
    SUM: tl.constexpr,
    BLOCK: tl.constexpr,
):
    plane, column, begin, end = _share(strips, segments, rows, height, BLOCK)
    start = plane * height * width
    z = tl.zeros([BLOCK], dtype=tl.float32)
    a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = z, z, z, z, z, z, z, z, z, z
    b0, b1, b2, b3, b4, b5, b6, b7, b8, b9 = z, z, z, z, z, z, z, z, z, z
    s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 = z, z, z, z, z, z, z, z, z, z
    p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 = z, z, z, z, z, z, z, z, z, z
    total = z
    counts = (column >= margin) & (column < width - margin)
    for row in range(begin - _RADIUS, end + _RADIUS):
        inside = (row >= 0) & (row < height)
        at = start + row * width
        hx, hy, hs, hp = _row_moments(x + at + column, y + at + column, column, width, inside)
        ux, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = _feed(
            hx, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9
        )
        uy, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9 = _feed(
            hy, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9
        )
        us, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 = _feed(
            hs, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9
        )
        up, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 = _feed(
            hp, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9
        )
        done = row - _RADIUS
        if done >= begin:
            cross = ux * uy
            energy = ux * ux + uy * uy
            a = 2.0 * cross + c1
            b = 2.0 * (up - cross) + c2
            c = energy + c1
            d = tl.maximum(us - energy, 0.0) + c2
            inverse = 1.0 / (c * d)
            m = a * b * inverse
            clamped = tl.minimum(tl.maximum(m, -1.0), 1.0)
            kept = counts & (done >= margin) & (done < height - margin)
            target = start + done * width + column
            exists = column < width
            if MAP:
                tl.store(similarity + target, clamped, mask=exists)
            if SUM:
                total += tl.where(kept, clamped, 0.0)
            if KEEP:
                free = kept & (clamped == m)
                by_x = 2.0 * inverse * (uy * (b - a) + ux * m * (c - d))
                tl.store(derivatives + target, tl.where(free, by_x, 0.0), mask=exists)
                by_xx = -m * c * inverse
                tl.store(derivatives + size + target, tl.where(free, by_xx, 0.0), mask=exists)
                by_xy = 2.0 * a * inverse
                tl.store(derivatives + 2 * size + target, tl.where(free, by_xy, 0.0), mask=exists)
    if SUM:
        tl.store(partial + tl.program_id(0), tl.sum(total, axis=0) * scale)


@triton.jit(do_not_specialize=["height", "width", "size", "strips", "segments", "rows"])
def _backward(
    x,
    y,
    derivatives,
    chain,  # the map's gradient, where CHAIN; else the mean's, one number
    gradient,
    height,
    width,
    size,
    strips,
    segments,
    rows,
    scale,
    CHAIN: tl.constexpr,
    BLOCK: tl.constexpr,
):
    plane, column, begin, end = _share(strips, segments, rows, height, BLOCK)
    start = plane * height * width
    z = tl.zeros([BLOCK], dtype=tl.float32)
    a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = z, z, z, z, z, z, z, z, z, z
    s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 = z, z, z, z, z, z, z, z, z, z
    p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 = z, z, z, z, z, z, z, z, z, z
    factor = scale
    if not CHAIN:
        factor = scale * tl.load(chain)
    for row in range(begin - _RADIUS, end + _RADIUS):
        inside = (row >= 0) & (row < height)
        at = start + row * width + column
        by_x, by_xx, by_xy = derivatives + at, derivatives + size + at, derivatives + 2 * size + at
        ux, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = _feed(
            _row_blur(by_x, chain + at, column, width, inside, CHAIN),
            a0, a1, a2, a3, a4, a5, a6, a7, a8, a9,
        )  # fmt: skip
        us, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 = _feed(
            _row_blur(by_xx, chain + at, column, width, inside, CHAIN),
            s0, s1, s2, s3, s4, s5, s6, s7, s8, s9,
        )  # fmt: skip
        up, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 = _feed(
            _row_blur(by_xy, chain + at, column, width, inside, CHAIN),
            p0, p1, p2, p3, p4, p5, p6, p7, p8, p9,
        )  # fmt: skip
        done = row - _RADIUS
        if done >= begin:
            target = start + done * width + column
            exists = column < width
            x0 = tl.load(x + target, mask=exists, other=0.0)
            y0 = tl.load(y + target, mask=exists, other=0.0)
            tl.store(gradient + target, factor * (ux + 2.0 * x0 * us + y0 * up), mask=exists)

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

from ._window import WEIGHTS

# From the centre outwards.
_W0 = tl.constexpr(WEIGHTS[0])
_W1 = tl.constexpr(WEIGHTS[1])
_W2 = tl.constexpr(WEIGHTS[2])
_W3 = tl.constexpr(WEIGHTS[3])
_W4 = tl.constexpr(WEIGHTS[4])
_W5 = tl.constexpr(WEIGHTS[5])


@triton.jit
def _end(row, first, after, width):
    """The width in rows from ``first`` to before ``after``, else 0: nothing of the row counts."""
    return tl.where((row >= first) & (row < after), width, 0)


@triton.jit
def _near(column, distance: tl.constexpr, end):
    return (column + distance >= 0) & (column + distance < end)


@triton.jit
def _edges(image, column, width, row, height):
    """The row's outermost values: loaded a row ahead, they bring its lines into the cache."""
    end = _end(row, 0, height, width)
    at = image + row * width + column
    left = tl.load(at - 5, mask=_near(column, -5, end), other=0.0)
    right = tl.load(at + 5, mask=_near(column, 5, end), other=0.0)
    return left, right


@triton.jit
def _add_pair(xl, xr, yl, yr, w, sx, sy, ss, sp):
    sx += w * (xl + xr)
    sy += w * (yl + yr)
    ss += w * (xl * xl + yl * yl + xr * xr + yr * yr)
    sp += w * (xl * yl + xr * yr)
    return sx, sy, ss, sp


@triton.jit
def _load_pair(x, y, d: tl.constexpr, w, column, end, sx, sy, ss, sp):
    left, right = _near(column, -d, end), _near(column, d, end)
    xl = tl.load(x - d, mask=left, other=0.0)
    xr = tl.load(x + d, mask=right, other=0.0)
    yl = tl.load(y - d, mask=left, other=0.0)
    yr = tl.load(y + d, mask=right, other=0.0)
    return _add_pair(xl, xr, yl, yr, w, sx, sy, ss, sp)


@triton.jit
def _row_moments(x, y, column, end, xl, xr, yl, yr):
    """Row blurs of x, y, x*x + y*y and x*y around the columns that ``x`` and ``y`` point at."""
    here = _near(column, 0, end)
    x0 = tl.load(x, mask=here, other=0.0)
    y0 = tl.load(y, mask=here, other=0.0)
    sx, sy = _W0 * x0, _W0 * y0
    ss, sp = _W0 * (x0 * x0 + y0 * y0), _W0 * (x0 * y0)
    sx, sy, ss, sp = _load_pair(x, y, 1, _W1, column, end, sx, sy, ss, sp)
    sx, sy, ss, sp = _load_pair(x, y, 2, _W2, column, end, sx, sy, ss, sp)
    sx, sy, ss, sp = _load_pair(x, y, 3, _W3, column, end, sx, sy, ss, sp)
    sx, sy, ss, sp = _load_pair(x, y, 4, _W4, column, end, sx, sy, ss, sp)
    return _add_pair(xl, xr, yl, yr, _W5, sx, sy, ss, sp)


@triton.jit
def _load_three(p, q, r, chain, d: tl.constexpr, mask, CHAIN: tl.constexpr):
    """Three maps at a distance, times the map's gradient where there is one."""
    a = tl.load(p + d, mask=mask, other=0.0)
    b = tl.load(q + d, mask=mask, other=0.0)
    c = tl.load(r + d, mask=mask, other=0.0)
    if CHAIN:
        g = tl.load(chain + d, mask=mask, other=0.0)
        a *= g
        b *= g
        c *= g
    return a, b, c


@triton.jit
def _edges_of_three(p, q, r, chain, column, width, row, height, CHAIN: tl.constexpr):
    end = _end(row, 0, height, width)
    at = row * width + column
    left, right = _near(column, -5, end), _near(column, 5, end)
    a, b, c = _load_three(p + at, q + at, r + at, chain + at, -5, left, CHAIN)
    d, e, f = _load_three(p + at, q + at, r + at, chain + at, 5, right, CHAIN)
    return a + d, b + e, c + f


@triton.jit
def _add_three(p, q, r, chain, d: tl.constexpr, w, column, end, s, t, u, CHAIN: tl.constexpr):
    left, right = _near(column, -d, end), _near(column, d, end)
    a, b, c = _load_three(p, q, r, chain, -d, left, CHAIN)
    e, f, g = _load_three(p, q, r, chain, d, right, CHAIN)
    return s + w * (a + e), t + w * (b + f), u + w * (c + g)


@triton.jit
def _row_blurs(p, q, r, chain, column, end, s, t, u, CHAIN: tl.constexpr):
    """Row blurs of three maps; ``s``, ``t``, ``u`` are the sums of their outermost values."""
    a, b, c = _load_three(p, q, r, chain, 0, _near(column, 0, end), CHAIN)
    s, t, u = _W5 * s + _W0 * a, _W5 * t + _W0 * b, _W5 * u + _W0 * c
    s, t, u = _add_three(p, q, r, chain, 1, _W1, column, end, s, t, u, CHAIN)
    s, t, u = _add_three(p, q, r, chain, 2, _W2, column, end, s, t, u, CHAIN)
    s, t, u = _add_three(p, q, r, chain, 3, _W3, column, end, s, t, u, CHAIN)
    return _add_three(p, q, r, chain, 4, _W4, column, end, s, t, u, CHAIN)


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


_SHAPES = ["height", "width", "size", "strips", "segments", "rows"]


@triton.jit
def _add_up(partial, counter, total, mean, BLOCK: tl.constexpr):
    """The program that is last adds up what each wrote: one order, one result.

    ``counter`` counts programs: 0 before and after.
    """
    programs = tl.num_programs(0)
    tl.store(partial + tl.program_id(0), tl.sum(total, axis=0))
    if tl.atomic_add(counter, 1, sem="acq_rel") == programs - 1:
        total = tl.zeros([BLOCK], dtype=tl.float32)
        for first in range(0, programs, BLOCK):
            at = first + tl.arange(0, BLOCK)
            total += tl.load(partial + at, mask=at < programs, other=0.0)
        tl.store(mean, tl.sum(total, axis=0))
        tl.store(counter, 0)


_POINTERS = ["x", "y", "similarity", "derivatives", "partial", "counter", "mean"]


@triton.jit(do_not_specialize=[*_POINTERS, "margin", *_SHAPES])
def _forward(
    x,
    y,
    similarity,  # the map, where MAP
    derivatives,  # 3 x size, where KEEP
    partial,  # a number for each program, where SUM
    counter,  # an int32, 0, where SUM
    mean,  # one number, where SUM
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
    x += start
    y += start
    xl, xr = _edges(x, column, width, begin - 5, height)
    yl, yr = _edges(y, column, width, begin - 5, height)
    for row in range(begin - 5, end + 5):
        next_xl, next_xr = _edges(x, column, width, row + 1, height)
        next_yl, next_yr = _edges(y, column, width, row + 1, height)
        here = _end(row, 0, height, width)
        at = row * width + column
        hx, hy, hs, hp = _row_moments(x + at, y + at, column, here, xl, xr, yl, yr)
        xl, xr, yl, yr = next_xl, next_xr, next_yl, next_yr
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
        done = row - 5
        if done >= begin:
            cross = ux * uy
            energy = ux * ux + uy * uy
            a = 2.0 * cross + c1
            b = 2.0 * (up - cross) + c2
            c = energy + c1
            d = tl.maximum(us - energy, 0.0) + c2
            inverse = 1.0 / (c * d)
            m = a * b * inverse
            beyond = (m < -1.0) | (m > 1.0)
            clamped = tl.where(beyond, tl.where(m > 0.0, 1.0, -1.0), m)
            last = _end(done, margin, height - margin, width - margin)
            kept = (column >= margin) & (column < last)
            target = start + done * width + column
            exists = column < width
            if MAP:
                tl.store(similarity + target, clamped, mask=exists)
            if SUM:
                total += tl.where(kept, clamped, 0.0)
            if KEEP:
                free = kept & (beyond == 0)
                by_x = 2.0 * inverse * (uy * (b - a) + ux * m * (c - d))
                tl.store(derivatives + target, tl.where(free, by_x, 0.0), mask=exists)
                by_xx = -m * c * inverse
                tl.store(derivatives + size + target, tl.where(free, by_xx, 0.0), mask=exists)
                by_xy = 2.0 * a * inverse
                tl.store(
                    derivatives + size + size + target, tl.where(free, by_xy, 0.0), mask=exists
                )
    if SUM:
        _add_up(partial, counter, total * scale, mean, BLOCK)


@triton.jit(do_not_specialize=["x", "y", "derivatives", "chain", "gradient", *_SHAPES])
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
    x += start
    y += start
    gradient += start
    by_x, by_xx, by_xy = (
        derivatives + start,
        derivatives + size + start,
        derivatives + size + size + start,
    )
    each = chain + start  # read where CHAIN
    ex, es, ep = _edges_of_three(by_x, by_xx, by_xy, each, column, width, begin - 5, height, CHAIN)
    for row in range(begin - 5, end + 5):
        next_ex, next_es, next_ep = _edges_of_three(
            by_x, by_xx, by_xy, each, column, width, row + 1, height, CHAIN
        )
        done = row - 5
        target = done * width + column
        wanted = column < _end(done, begin, height, width)
        x0 = tl.load(x + target, mask=wanted, other=0.0)
        y0 = tl.load(y + target, mask=wanted, other=0.0)
        here = _end(row, 0, height, width)
        at = row * width + column
        hx, hs, hp = _row_blurs(
            by_x + at, by_xx + at, by_xy + at, each + at, column, here, ex, es, ep, CHAIN
        )
        ex, es, ep = next_ex, next_es, next_ep
        ux, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = _feed(
            hx, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9
        )
        us, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 = _feed(
            hs, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9
        )
        up, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 = _feed(
            hp, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9
        )
        tl.store(gradient + target, factor * (ux + 2.0 * x0 * us + y0 * up), mask=wanted)

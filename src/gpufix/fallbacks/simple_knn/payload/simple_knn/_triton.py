"""The search as a Triton kernel: one walk through the tree for as many points as a wave has lanes.

The lanes test the children of a box at once against the box around their own points; a child is
entered while it is nearer to some lane's point than the third of that point's nearest. Leaves are
read one point at a time by all lanes. Points go into the kernel in curve order, so that a walk is
short, and a leaf more on each side of the wave's own points starts it with short distances.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ._tree import build

LEAF = 8
FAN = 32
LEVELS = 3  # boxes of the third are tested in a row
FURTHEST = torch.finfo(torch.float32).max  # what a neighbour that is not there counts


def search(points: Tensor, order: Tensor, lanes: int | None = None) -> Tensor:
    """Mean squared distance to the 3 nearest others, [n], of finite points [n, 3] in this order."""
    tree = build(points, order, LEAF, FAN, LEVELS)
    mean = points.new_empty(len(order))
    lanes = lanes or (64 if torch.version.hip else 32)
    _search[(triton.cdiv(len(order), lanes),)](
        tree.points,
        order,
        mean,
        *tree.boxes,
        len(order),
        *(level.shape[1] for level in tree.boxes),
        LANES=lanes,
        LEAF=LEAF,
        FAN=FAN,
        FURTHEST=FURTHEST,
        num_warps=1,
    )
    return mean


@triton.jit
def _squares(x, y, z):
    # One order of rounding for points and boxes: left to itself the compiler may fuse differently in
    # two places, and points whose distances are equal send a wave through all their leaves.
    return tl.fma(x, x, tl.fma(y, y, z * z))


@triton.jit
def _gap(x0, y0, z0, x1, y1, z1, boxes, count, at):
    """Squared distances from the box x0..z1 (or from points) to the boxes ``at``."""
    x = tl.maximum(tl.load(boxes + at) - x1, x0 - tl.load(boxes + 3 * count + at))
    y = tl.maximum(tl.load(boxes + count + at) - y1, y0 - tl.load(boxes + 4 * count + at))
    z = tl.maximum(tl.load(boxes + 2 * count + at) - z1, z0 - tl.load(boxes + 5 * count + at))
    return _squares(tl.maximum(x, 0.0), tl.maximum(y, 0.0), tl.maximum(z, 0.0))


@triton.jit
def _near(x0, y0, z0, x1, y1, z1, best2, boxes, count, first, FAN: tl.constexpr):
    """One bit for each of FAN boxes from ``first``: whether some lane may need it."""
    box = first + tl.arange(0, FAN)
    gap = _gap(x0, y0, z0, x1, y1, z1, boxes, count, tl.minimum(box, count - 1))
    near = (gap < tl.max(best2, 0)) & (box < count)
    return tl.sum(tl.where(near, 1 << (box - first), 0), 0)


@triton.jit
def _lowest(bits):
    """The number of the lowest bit that is set: the exponent of that bit as a float."""
    bit = (bits ^ (bits & (bits - 1))).to(tl.uint32, bitcast=True)
    return (bit.to(tl.float32).to(tl.int32, bitcast=True) >> 23) - 127


@triton.jit
def _wanted(x, y, z, best2, boxes, count, at):
    """Whether the box ``at`` may hold one of the three nearest of some lane's point."""
    near = _gap(x, y, z, x, y, z, boxes, count, at) < best2
    return tl.max(near.to(tl.int32), 0) > 0


@triton.jit
def _distance(x, y, z, points, stride, at):
    dx = tl.load(points + at) - x
    dy = tl.load(points + stride + at) - y
    dz = tl.load(points + 2 * stride + at) - z
    return _squares(dx, dy, dz)


@triton.jit
def _offer(best0, best1, best2, d):
    best2 = tl.minimum(best2, tl.maximum(best1, d))
    best1 = tl.minimum(best1, tl.maximum(best0, d))
    return tl.minimum(best0, d), best1, best2


@triton.jit
def _search(
    points, order, mean, leaf_boxes, middle_boxes, top_boxes, n, leaves, middles, tops,
    LANES: tl.constexpr, LEAF: tl.constexpr, FAN: tl.constexpr, FURTHEST: tl.constexpr,
):  # fmt: skip
    group = tl.program_id(0)
    lane = group * LANES + tl.arange(0, LANES)
    own = tl.minimum(lane, n - 1)
    stride = (n + LEAF - 1) // LEAF * LEAF
    x = tl.load(points + own)
    y = tl.load(points + stride + own)
    z = tl.load(points + 2 * stride + own)
    x0, y0, z0 = tl.min(x, 0), tl.min(y, 0), tl.min(z, 0)
    x1, y1, z1 = tl.max(x, 0), tl.max(y, 0), tl.max(z, 0)
    best0 = tl.where(lane < n, FURTHEST, -1.0)  # below zero, nothing is near enough
    best1 = best0
    best2 = best0

    begin = tl.maximum(group * (LANES // LEAF) - 1, 0)
    end = tl.minimum((group + 1) * (LANES // LEAF) + 1, stride // LEAF)
    leaf = begin
    while leaf < end:
        for i in tl.static_range(LEAF):
            d = _distance(x, y, z, points, stride, leaf * LEAF + i)
            d = tl.where(lane == leaf * LEAF + i, float("inf"), d)
            best0, best1, best2 = _offer(best0, best1, best2, d)
        leaf += 1

    first = 0
    while first < tops:
        top_bits = _near(x0, y0, z0, x1, y1, z1, best2, top_boxes, tops, first, FAN)
        while top_bits != 0:
            top = first + _lowest(top_bits)
            top_bits = top_bits & (top_bits - 1)
            if _wanted(x, y, z, best2, top_boxes, tops, top):
                under = top * FAN
                bits = _near(x0, y0, z0, x1, y1, z1, best2, middle_boxes, middles, under, FAN)
                while bits != 0:
                    middle = under + _lowest(bits)
                    bits = bits & (bits - 1)
                    if _wanted(x, y, z, best2, middle_boxes, middles, middle):
                        below = middle * FAN
                        leaf_bits = _near(
                            x0, y0, z0, x1, y1, z1, best2, leaf_boxes, leaves, below, FAN
                        )
                        while leaf_bits != 0:
                            leaf = below + _lowest(leaf_bits)
                            leaf_bits = leaf_bits & (leaf_bits - 1)
                            new = (leaf < begin) | (leaf >= end)
                            if new & _wanted(x, y, z, best2, leaf_boxes, leaves, leaf):
                                for i in tl.static_range(LEAF):
                                    d = _distance(x, y, z, points, stride, leaf * LEAF + i)
                                    best0, best1, best2 = _offer(best0, best1, best2, d)
        first += FAN

    mean_at = mean + tl.load(order + own)
    tl.store(mean_at, (best0 + best1 + best2) / 3.0, mask=lane < n)

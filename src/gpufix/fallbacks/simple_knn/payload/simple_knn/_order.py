"""Points in the order of a Morton curve, on any device, in bounded memory.

Neighbours in space come to lie close together, whatever the scales: the curve's grid is fine where
the middle of the points lies and logarithmic outside, so that no outlier squeezes the rest into one
cell; a cell that still holds many distinct points gets a grid of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ._memory import halving, is_out_of_memory

AXIS_BITS = 21  # three axes in the 63 bits of a positive int64
LAST_CELL = (1 << AXIS_BITS) - 1
CROWD = 64  # more points than this in one cell are sorted again
ROUNDS = 16  # of 2**21 each: more than float32's whole range of scales
SAMPLES = 1024
PARTS = 256  # with more, finding the parts takes the memory
KEY_CHUNK = 1 << 20
PIECE = 256
SMALLEST, LARGEST = torch.finfo(torch.float32).tiny, torch.finfo(torch.float32).max


def curve_order(points: Tensor, part: int | None = None) -> Tensor:
    """Indices (int64) that put finite float32 points [n, 3] in curve order.

    Sorts about ``part`` points at once; by default all, and fewer when memory runs out.
    """
    keys = curve_keys(points)
    least = max(len(points) // PARTS, 1)
    order = halving(lambda size: _sorted_by(keys, size), part or max(len(points), 1), least)
    try:
        return _refined(points, keys, order)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return order  # a worse order costs time, never exactness


def curve_keys(points: Tensor) -> Tensor:
    """Each point's place on the curve, int64 [n]."""
    keys = torch.empty(len(points), dtype=torch.int64, device=points.device)
    if len(points):
        centre, half = frame(points)
        for at in range(0, len(points), KEY_CHUNK):
            u = (points[at : at + KEY_CHUNK] - centre) / half
            keys[at : at + KEY_CHUNK] = _interleaved(_cells(u))
    return keys


def frame(points: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and half width of the cube with the fine grid: twice the middle 97% of a sample.

    The sample's steps are the golden ratio's, which no regular arrangement of points follows.
    """
    n = len(points)
    steps = torch.arange(min(n, SAMPLES), dtype=torch.float64, device=points.device)
    at = (steps * 0.6180339887498949 % 1 * n).long() if n > SAMPLES else steps.long()
    sample = points[at].sort(0).values
    tail = len(sample) // 64
    centre = sample[len(sample) // 2]
    half = (sample[len(sample) - 1 - tail] - sample[tail]).amax()
    if not half > 0:  # nearly all points are one: the others count
        half = torch.maximum(points.amax(0) - centre, centre - points.amin(0)).amax()
    return centre, half.clamp(SMALLEST, LARGEST)


def _cells(u: Tensor) -> Tensor:
    """Grid cells of points in units of the frame: evenly spaced within 1, by octaves beyond."""
    quarter = 1 << (AXIS_BITS - 2)
    size = u.abs()
    steps = size.clamp(max=1) * quarter + size.clamp(min=1).log2() * (quarter / 128)
    return (steps.copysign(u) + 2 * quarter).clamp(0, LAST_CELL).long()


def _interleaved(cells: Tensor) -> Tensor:
    """Morton keys of int64 cells [n, 3]: bit i of axis a becomes bit 3 i + a."""
    for shift, mask in (
        (32, 0x001F00000000FFFF),
        (16, 0x001F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        cells = (cells | cells << shift) & mask
    return cells[:, 0] | cells[:, 1] << 1 | cells[:, 2] << 2


def _sorted_by(keys: Tensor, part: int) -> Tensor:
    """The order of the keys; where there are more than ``part``, one range of keys after another."""
    if len(keys) <= part:
        return keys.argsort()
    parts = -(-len(keys) // part)
    some = keys[:: max(1, len(keys) // (64 * parts))].sort().values
    inner = some[:: max(1, len(some) // parts)][1:].unique().tolist()
    bounds = [-1, *inner, torch.iinfo(keys.dtype).max]
    order = torch.empty(len(keys), dtype=torch.int64, device=keys.device)
    filled = 0
    for i in range(1, len(bounds)):
        found = ((keys >= bounds[i - 1]) & (keys < bounds[i])).nonzero()[:, 0]
        order[filled : filled + len(found)] = found[keys[found].argsort()]
        filled += len(found)
    return order


# ---- crowded cells -------------------------------------------------------------------------------
def _refined(points: Tensor, keys: Tensor, order: Tensor) -> Tensor:
    """The order, with the points of crowded cells sorted on grids of their cells' own sizes."""
    places, cell = _crowded(keys[order])
    for _ in range(ROUNDS):
        if not len(places):
            break
        here = points[order[places]]
        low, high = _extents(here, cell)
        size = (high - low).amax(1)
        distinct = size > 0  # the others are copies of one point
        u = (here - low[cell]) / size.clamp(SMALLEST, LARGEST)[cell, None]
        own = _interleaved((u * LAST_CELL).clamp(0, LAST_CELL).long())
        by = own.argsort()
        by = by[cell[by].argsort(stable=True)]
        order[places] = order[places[by]]
        chosen, inner = _crowded(own[by], cell[by])
        alive = distinct[cell[by][chosen]]
        places, cell = places[chosen[alive]], inner[alive]
    return order


def _crowded(keys: Tensor, cell: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Where runs of more than CROWD equal keys (of the same cell) lie, and the run of each place."""
    none = keys.new_empty(0)
    if not bool((keys[CROWD:] == keys[:-CROWD]).any()):
        return none, none
    edge = keys[1:] != keys[:-1]
    if cell is not None:
        edge |= cell[1:] != cell[:-1]
    ends = torch.cat((edge.nonzero()[:, 0] + 1, keys.new_tensor([len(keys)])))
    lengths = ends.diff(prepend=keys.new_zeros(1))
    run = torch.arange(len(ends), device=keys.device).repeat_interleave(lengths)
    places = (lengths > CROWD)[run].nonzero()[:, 0]
    return places, run[places]


def _extents(points: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The least and greatest coordinates in each cell; ``cell`` ascends.

    Reduced in pieces first: so many atomic operations on one address would queue.
    """
    starts = torch.arange(len(cell), device=cell.device) % PIECE == 0
    starts[1:] |= cell[1:] != cell[:-1]
    piece, count = starts.cumsum(0) - 1, int(cell[-1]) + 1
    of_piece = cell[starts]
    out = []
    for how, worst in (("amin", torch.inf), ("amax", -torch.inf)):
        part = points.new_full((len(of_piece), 3), worst)
        part.scatter_reduce_(0, piece[:, None].expand(-1, 3), points, how)
        whole = points.new_full((count, 3), worst)
        out.append(whole.scatter_reduce_(0, of_piece[:, None].expand(-1, 3), part, how))
    return out[0], out[1]

"""How the kernels' programs share the planes of an image."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ._window import RADIUS

BLOCK = 128  # columns of a program
MOST_SHAPES = 256  # of which launches are kept


class Cut(NamedTuple):
    """Strips of a row, segments of a plane, rows of a segment, programs in all."""

    strips: int
    segments: int
    rows: int
    programs: int


@lru_cache(maxsize=256)
def cut(
    planes: int, height: int, width: int, slots: int, block: int = BLOCK, more: int = 2 * RADIUS
) -> Cut:
    """Planes in strips of ``block`` columns and segments of some rows, a program each.

    A program filters so many rows ``more`` than it owns, and a device runs ``slots`` of them at a
    time: a last turn that is hardly filled costs as much as a full one.
    """
    strips = -(-width // block)
    best, least = Cut(strips, 1, height, planes * strips), float("inf")
    for segments in range(1, height + 1):
        rows = -(-height // segments)
        used = -(-height // rows)
        programs = planes * strips * used
        turns = programs / slots
        cost = (turns if turns > 4 else -(-programs // slots)) * (rows + more)
        if cost < least:
            best, least = Cut(strips, used, rows, programs), cost
        if rows < 4:
            break
    return best

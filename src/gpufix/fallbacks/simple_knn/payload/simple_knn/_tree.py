"""Sorted points in leaves, and boxes around 1, F, F^2, ... consecutive leaves: a tree without
pointers. Children of box i are boxes F i to F i + F - 1 of the level below."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


class Tree(NamedTuple):
    """Float32, coordinates first, so that each is read in a row.

    The last leaf is filled up with points at infinity, every level of boxes but the topmost with
    boxes that hold nothing: both are infinitely far from every point.
    """

    points: Tensor  # [3, leaves * leaf]
    boxes: list[Tensor]  # level 0 around leaves: [6, count], least coordinates, then greatest


def build(points: Tensor, order: Tensor, leaf: int, fan: int, levels: int | None = None) -> Tree:
    """The tree over finite points [n, 3], n > 0, with ``levels`` levels, or until few boxes remain."""
    n, count = len(order), -(-len(order) // leaf)
    rows = points.new_full((3, count * leaf), torch.inf)
    for axis in range(3):
        torch.index_select(points[:, axis], 0, order, out=rows[axis, :n])
    boxes = [_boxes(rows, rows, leaf)]
    boxes[0][3:, -1] = rows[:, (count - 1) * leaf : n].amax(1)
    while len(boxes) < levels if levels else boxes[-1].shape[1] > 4 * fan:
        short = -boxes[-1].shape[1] % fan
        low, high = (
            pad(boxes[-1][:3], (0, short), value=torch.inf),
            pad(boxes[-1][3:], (0, short), value=-torch.inf),
        )
        boxes[-1] = torch.cat((low, high))
        boxes.append(_boxes(low, high, fan))
    return Tree(rows, boxes)


def _boxes(low: Tensor, high: Tensor, size: int) -> Tensor:
    count = low.shape[1] // size
    return torch.cat((low.view(3, count, size).amin(2), high.view(3, count, size).amax(2)))

"""What the eager search computes of coordinates and distances, in torch operations.

Squared distances round alike for points and boxes: a box is never farther than a point in it.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Arithmetic:
    """Coordinates come first: x[0], x[1], x[2].

    ``pair_floats``: what the distances of a pair of leaves of 8 take while they are sorted.
    """

    pair_floats = 6 * 8 * 8

    def squares(self, x: Tensor, y: Tensor) -> Tensor:
        """Squared distances between points."""
        total = None
        for axis in range(3):
            step = x[axis] - y[axis]
            total = step.square_() if total is None else total.addcmul_(step, step)
        assert total is not None
        return total

    def gap(self, low: Tensor, high: Tensor, box: Tensor) -> Tensor:
        """Squared distances between boxes; ``box`` has its least coordinates, then its greatest."""
        total = None
        for axis in range(3):
            step = torch.maximum(box[axis] - high[axis], low[axis] - box[axis + 3]).clamp_(min=0)
            total = step.square_() if total is None else total.addcmul_(step, step)
        assert total is not None
        return total

    def three_least(self, values: Tensor) -> Tensor:
        """The three least along the first axis of 8, ascending: [3, ...]."""
        a, b = values[:4], values[4:]
        low, high = torch.minimum(a, b), torch.maximum(a, b)
        first = torch.minimum(low[:2], low[2:])
        x, y = torch.maximum(low[:2], low[2:]), torch.minimum(high[:2], high[2:])
        three = torch.stack((first, torch.minimum(x, y), torch.maximum(x, y)))
        return self.joined(three[:, 0], three[:, 1])

    def joined(self, a: Tensor, b: Tensor) -> Tensor:
        """The three least of two ascending threes."""
        top, low = torch.maximum(a[0], b[0]), torch.minimum(a[1], b[1])
        cross = torch.minimum(torch.maximum(a[0], b[1]), torch.maximum(a[1], b[0]))
        third = torch.minimum(torch.minimum(a[2], b[2]), cross)
        return torch.stack((torch.minimum(a[0], b[0]), torch.minimum(top, low), third))

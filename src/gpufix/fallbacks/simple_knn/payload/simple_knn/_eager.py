"""The search in torch operations alone: pairs of a leaf and a box, from the tree's top downwards.

A pair goes on while a point of the leaf may have one of its three nearest in the box. Long lists of
pairs are split and wait on a stack: memory stays bounded, and what the first part finds shortens the
rest. The pairs are the last axis everywhere, so that every operation runs along memory.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ._memory import budget, is_out_of_memory
from ._tree import build

LEAF = 8
FAN = 8
FURTHEST = torch.finfo(torch.float32).max  # what a neighbour that is not there counts
PAIR_BYTES = 4 * 6 * LEAF * LEAF  # what the distances of a pair take while they are sorted
CACHED_PAIRS = 1 << 13  # on a CPU: what its caches hold


def search(points: Tensor, order: Tensor, pairs: int | None = None) -> Tensor:
    """Mean squared distance to the 3 nearest others, [n], of finite points [n, 3] in this order.

    Holds about ``pairs`` pairs at once; by default what free memory suits, and half of it again and
    again while memory runs out.
    """
    work = _Search(points, order)
    most = pairs or max(budget(points.device) // PAIR_BYTES, 1)
    if not pairs and points.device.type == "cpu":
        most = min(most, CACHED_PAIRS)
    mean = points.new_empty(work.leaves * LEAF)
    at = 0
    while at < work.leaves:
        end = min(at + max(FAN * most // work.tops, 1), work.leaves)
        try:
            best = work.nearest(at, end, most)
        except RuntimeError as error:
            if most == 1 or not is_out_of_memory(error):
                raise
            most //= 2
            continue
        mean[at * LEAF : end * LEAF] = (best.sum(0) / 3).T.reshape(-1)
        at = end
    return torch.empty_like(mean[: len(order)]).index_copy_(0, order, mean[: len(order)])


class _Search:
    def __init__(self, points: Tensor, order: Tensor) -> None:
        tree = build(points, order, LEAF, FAN)
        self.boxes = tree.boxes
        self.leaves, self.tops = -(-len(order) // LEAF), tree.boxes[-1].shape[1]
        # [3, LEAF, leaves]: the first points of all leaves, then the second points, ...
        self.points = tree.points.view(3, self.leaves, LEAF).transpose(1, 2).contiguous()

    def nearest(self, first: int, last: int, most: int) -> Tensor:
        """The three least squared distances [3, LEAF, last - first], ascending."""
        points = self.points[:, :, first:last]
        points = torch.where(points < torch.inf, points, points[:, :1])  # no point: as the first
        best = torch.full_like(points, FURTHEST)
        own = torch.arange(first, last, device=points.device)
        near = (own[:, None] + own.new_tensor([-1, 0, 1])).flatten()
        group = (own - first).repeat_interleave(3)
        there = (near >= 0) & (near < self.leaves)
        self._offer(points, best, group[there], near[there], first)

        children = torch.arange(FAN, device=points.device)
        top = len(self.boxes) - 1
        node = torch.arange(self.tops, device=points.device).repeat(last - first)
        stack = [(top, (own - first).repeat_interleave(self.tops), node)]
        while stack:
            level, group, node = stack.pop()
            group, node = self._reachable(points, best, level, group, node, first)
            for part in range(0, len(group), most):
                some, box = group[part : part + most], node[part : part + most]
                if level:
                    below = (box[:, None] * FAN + children).flatten()
                    stack.append((level - 1, some.repeat_interleave(FAN), below))
                else:
                    self._offer(points, best, some, box)
        return best

    def _reachable(
        self, points: Tensor, best: Tensor, level: int, group: Tensor, node: Tensor, first: int
    ) -> tuple[Tensor, Tensor]:
        """The pairs whose box is nearer to a point of the group than the third of its nearest."""
        around = _take(torch.cat((points.amin(1), points.amax(1))), group)
        box = _take(self.boxes[level], node)
        near = _gap(around[:3], around[3:], box) < best[2].amax(0)[group]
        if not level:  # a leaf and its neighbours were the beginning
            near &= (node - group - first).abs() > 1
        kept = near.nonzero()[:, 0]
        group, node, each = group[kept], node[kept], _take(points, group[kept])
        wanted = _gap(each, each, _take(box, kept)[:, None]) < _take(best[2], group)
        kept = wanted.any(0).nonzero()[:, 0]
        return group[kept], node[kept]

    def _offer(
        self, points: Tensor, best: Tensor, group: Tensor, leaf: Tensor, first: int | None = None
    ) -> None:
        """Improve ``best`` by the points of the leaves; ``group`` ascends.

        ``first``: the leaf of group 0, when leaves may meet themselves.
        """
        distance = _squares(_take(points, group)[:, None], _take(self.points, leaf)[:, :, None])
        if first is not None:
            itself = distance.diagonal(dim1=0, dim2=1)
            itself.masked_fill_((leaf == group + first)[:, None], torch.inf)
        three = _three_least(distance)
        while len(group) > 1:  # join neighbours of the same group, two and two
            start = torch.ones_like(group, dtype=torch.bool)
            start[1:] = group[1:] != group[:-1]
            begins = start.nonzero()[:, 0]
            if len(begins) == len(group):
                break
            rank = torch.arange(len(group), device=group.device) - begins[start.cumsum(0) - 1]
            kept = (rank % 2 == 0).nonzero()[:, 0]
            other = (kept + 1).clamp(max=len(group) - 1)
            paired = rank[other] == rank[kept] + 1
            partner = _take(three, other).masked_fill_(~paired, torch.inf)
            three, group = _joined(_take(three, kept), partner), group[kept]
        best.index_copy_(2, group, _joined(_take(best, group), three))


def _take(rows: Tensor, index: Tensor) -> Tensor:
    """``rows[..., index]``: several times faster on a CPU."""
    if rows.dim() == 1 or not rows.numel():
        return rows[..., index]
    flat = rows.flatten(0, -2).index_select(1, index)
    return flat.view(*rows.shape[:-1], len(index))


def _squares(x: Tensor, y: Tensor) -> Tensor:
    total = None
    for axis in range(3):
        step = x[axis] - y[axis]
        total = step.square_() if total is None else total.addcmul_(step, step)
    assert total is not None
    return total


def _gap(low: Tensor, high: Tensor, box: Tensor) -> Tensor:
    """Squared distances between boxes; rounded in the way of a distance between points."""
    total = None
    for axis in range(3):
        step = torch.maximum(box[axis] - high[axis], low[axis] - box[axis + 3]).clamp_(min=0)
        total = step.square_() if total is None else total.addcmul_(step, step)
    assert total is not None
    return total


def _three_least(values: Tensor) -> Tensor:
    """The three least along the first axis of 8, ascending: [3, ...]."""
    a, b = values[:4], values[4:]
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    first = torch.minimum(low[:2], low[2:])
    x, y = torch.maximum(low[:2], low[2:]), torch.minimum(high[:2], high[2:])
    three = torch.stack((first, torch.minimum(x, y), torch.maximum(x, y)))
    return _joined(three[:, 0], three[:, 1])


def _joined(a: Tensor, b: Tensor) -> Tensor:
    """The three least of two ascending threes."""
    top, low = torch.maximum(a[0], b[0]), torch.minimum(a[1], b[1])
    cross = torch.minimum(torch.maximum(a[0], b[1]), torch.maximum(a[1], b[0]))
    third = torch.minimum(torch.minimum(a[2], b[2]), cross)
    return torch.stack((torch.minimum(a[0], b[0]), torch.minimum(top, low), third))

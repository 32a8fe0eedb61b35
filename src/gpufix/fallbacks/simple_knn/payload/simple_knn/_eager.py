"""The search in torch operations alone: pairs of a leaf and a box, from the tree's top downwards.

A pair goes on while a point of the leaf may have one of its three nearest in the box. Long lists of
pairs are split and wait on a stack: memory stays bounded, and what the first part finds shortens the
rest. The pairs are the last axis everywhere, so that every operation runs along memory.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ._arithmetic import Arithmetic
from ._memory import budget, is_out_of_memory
from ._tree import build

LEAF = 8
FAN = 8
FURTHEST = torch.finfo(torch.float32).max  # what a neighbour that is not there counts
PLAIN = Arithmetic()
CACHED_PAIRS = 1 << 13  # on a CPU: what its caches hold


def search(
    points: Tensor, order: Tensor, pairs: int | None = None, arithmetic: Arithmetic = PLAIN
) -> Tensor:
    """Mean squared distance to the 3 nearest others, [n], of finite points [n, 3] in this order.

    Holds about ``pairs`` pairs at once; by default what free memory suits, and half of it again and
    again while memory runs out.
    """
    work = _Search(points, order, arithmetic)
    most = pairs or max(budget(points.device) // (arithmetic.pair_floats * 4), 1)
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
    def __init__(self, points: Tensor, order: Tensor, arithmetic: Arithmetic) -> None:
        self._arithmetic = arithmetic
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

        around = torch.cat((points.amin(1), points.amax(1)))
        children = torch.arange(FAN, device=points.device)
        top = len(self.boxes) - 1
        node = torch.arange(self.tops, device=points.device).repeat(last - first)
        stack = [(top, (own - first).repeat_interleave(self.tops), node)]
        while stack:
            level, group, node = stack.pop()
            group, node = self._reachable(points, around, best, level, group, node, first)
            for part in range(0, len(group), most):
                some, box = group[part : part + most], node[part : part + most]
                if level:
                    below = (box[:, None] * FAN + children).flatten()
                    stack.append((level - 1, some.repeat_interleave(FAN), below))
                else:
                    self._offer(points, best, some, box)
        return best

    def _reachable(
        self,
        points: Tensor,
        around: Tensor,
        best: Tensor,
        level: int,
        group: Tensor,
        node: Tensor,
        first: int,
    ) -> tuple[Tensor, Tensor]:
        """The pairs whose box is nearer to a point of the group than the third of its nearest.

        ``around``: the boxes of all groups.
        """
        gap = self._arithmetic.gap
        mine, box = _take(around, group), _take(self.boxes[level], node)
        near = gap(mine[:3], mine[3:], box) < best[2].amax(0)[group]
        if not level:  # a leaf and its neighbours were the beginning
            near &= (node - group - first).abs() > 1
        kept = near.nonzero()[:, 0]
        group, node, each = group[kept], node[kept], _take(points, group[kept])
        wanted = gap(each, each, _take(box, kept)[:, None]) < _take(best[2], group)
        kept = wanted.any(0).nonzero()[:, 0]
        return group[kept], node[kept]

    def _offer(
        self, points: Tensor, best: Tensor, group: Tensor, leaf: Tensor, first: int | None = None
    ) -> None:
        """Improve ``best`` by the points of the leaves; ``group`` ascends.

        ``first``: the leaf of group 0, when leaves may meet themselves.
        """
        how = self._arithmetic
        distance = how.squares(_take(points, group)[:, None], _take(self.points, leaf)[:, :, None])
        if first is not None:
            itself = distance.diagonal(dim1=0, dim2=1)
            itself.masked_fill_((leaf == group + first)[:, None], torch.inf)
        three = how.three_least(distance)
        rank = torch.arange(len(group), device=group.device) - torch.searchsorted(group, group)
        last = int(rank.max()) if len(group) else 0
        while last:  # join neighbours of the same group, two and two
            odd = rank % 2 == 1
            kept = (~odd).nonzero()[:, 0]
            other = (kept + 1).clamp(max=len(group) - 1)
            partner = _take(three, other).masked_fill_(~odd[other], torch.inf)
            three, group = how.joined(_take(three, kept), partner), group[kept]
            rank, last = rank[kept] // 2, last // 2
        best.index_copy_(2, group, how.joined(_take(best, group), three))


def _take(rows: Tensor, index: Tensor) -> Tensor:
    """``rows[..., index]``: several times faster on a CPU."""
    if rows.dim() == 1 or not rows.numel():
        return rows[..., index]
    flat = rows.flatten(0, -2).index_select(1, index)
    return flat.view(*rows.shape[:-1], len(index))

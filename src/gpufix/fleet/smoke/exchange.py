"""Two ranks send to each other at the same time, for a window of time."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from gpufix.fleet.smoke.group import Group

_LONGEST = 2.0  # seconds that one chunk may take at most


class Measured(NamedTuple):
    """`cost`: seconds a byte each way. `spread`: what the halves differ by. `right`: all bytes are."""

    cost: float
    spread: float
    right: bool


class Exchanger:
    """Keeps its buffers from one partner to the next."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._buffers: dict[int, tuple[Any, Any]] = {}

    def with_(self, peer: int, size: int, window: float) -> Measured:
        """Chunks of exchanges until the lower rank says that the window is over."""
        group, chunk = self._group, self._group.scale.chunk
        size = self._bearable(peer, size, chunk)
        mine, theirs = self._tensors(size)
        begin, marks, over = time.perf_counter(), [0.0], 0
        while not over:
            self._swap(peer, mine, theirs, chunk)
            over = self._agreed(peer, int(time.perf_counter() - begin >= window))
            marks.append(time.perf_counter() - begin)
        group.wait()
        cost = marks[-1] / (size * chunk * (len(marks) - 1))
        return Measured(cost, _spread(marks), self._right(peer, theirs))

    def _bearable(self, peer: int, size: int, chunk: int) -> int:
        """Less than `size` where the way is so slow that a chunk would take very long."""
        probe = min(size, self._group.scale.probe)
        self._swap(peer, *self._tensors(probe), 1)  # opens the way
        self._group.wait()
        begin = time.perf_counter()
        self._swap(peer, *self._tensors(probe), 1)
        self._group.wait()
        pace = (time.perf_counter() - begin) / probe
        halvings = 0
        while size >> halvings > probe and pace * (size >> halvings) * chunk > _LONGEST:
            halvings += 1
        return size >> self._agreed(peer, halvings)

    def _tensors(self, size: int) -> tuple[Any, Any]:
        if size not in self._buffers:
            mine = self._pattern(self._group.index, size)
            self._buffers[size] = mine, self._group.torch.zeros_like(mine)
        return self._buffers[size]

    def _pattern(self, rank: int, size: int) -> Any:
        """What this rank sends; it wraps around in the same way everywhere."""
        torch = self._group.torch
        places = torch.arange(size // 4, dtype=torch.int32, device=self._group.device)
        return places.mul_(7).add_(rank * 1001 + self._group.seed)

    def _right(self, peer: int, theirs: Any) -> bool:
        return bool(self._group.torch.equal(theirs, self._pattern(peer, theirs.numel() * 4)))

    def _swap(self, peer: int, mine: Any, theirs: Any, times: int) -> None:
        dist = self._group.dist
        for _ in range(times):
            ops = [dist.P2POp(dist.isend, mine, peer), dist.P2POp(dist.irecv, theirs, peer)]
            for work in dist.batch_isend_irecv(ops):
                work.wait()

    def _agreed(self, peer: int, value: int) -> int:
        """The lower rank's value, on both."""
        group, dist = self._group, self._group.dist
        shared = group.torch.tensor([value], dtype=group.torch.int32, device=group.device)
        way = dist.isend if group.index < peer else dist.irecv
        for work in dist.batch_isend_irecv([dist.P2POp(way, shared, peer)]):
            work.wait()
        group.wait()
        return int(shared.item())


def _spread(marks: list[float]) -> float:
    """By what part the halves of a window differ. `marks`: when each chunk ended."""
    middle, last = len(marks) // 2, len(marks) - 1
    if last < 2:
        return 0.0
    first, second = marks[middle] / middle, (marks[last] - marks[middle]) / (last - middle)
    return abs(first / second - 1) if second else 0.0

"""All-reduces of some sizes, among all ranks and among those of each node: checked, then timed."""

from __future__ import annotations

import time
from typing import Any

from gpufix.fleet.smoke.group import MIB, Group
from gpufix.fleet.smoke.meeting import say

_RUNS = 20  # as nccl-tests; more where one is short
_MANY = 100
_ROUGH = 6  # all-reduces of a size, at the least: one is checked, two are timed for their number


def allreduces(group: Group) -> None:
    """Say how long each takes; no size is begun that a step's time limit does not allow."""
    places = group.places
    _among(group, "all", None, list(range(len(places))))
    names = list(dict.fromkeys(node for node, _ in places))
    inside = [[i for i, (node, _) in enumerate(places) if node == name] for name in names]
    if len(names) > 1 and any(len(ranks) > 1 for ranks in inside):
        group.step("groups of the nodes")
        made = [group.dist.new_group(ranks) if len(ranks) > 1 else None for ranks in inside]
        at = names.index(group.node)
        _among(group, "node", made[at], inside[at])


def _among(group: Group, name: str, some: Any, ranks: list[int]) -> None:
    pace = 0.0  # seconds a byte, of the size before: of the slowest rank
    for size in group.scale.reduced:
        group.step(f"all-reduce, {name}, {size} bytes")
        if len(ranks) < 2 or pace * size * _ROUGH > group.plan["step_s"]:
            continue
        data = group.torch.empty(size // 4, dtype=group.torch.float32, device=group.device)
        right = _checked(group, data, some, ranks)
        data.zero_()
        first = _slowest(group, _seconds(group, data, some, 2), some)
        most = _MANY if size <= MIB else _RUNS
        runs = int(max(2, min(most, group.scale.budget_s / max(first, 1e-9))))
        seconds = _seconds(group, data, some, runs)
        pace = first / size if size > MIB else 0.0
        say(allreduce=name, bytes=size, seconds=seconds, ranks=len(ranks), right=right)
        del data


def _checked(group: Group, data: Any, some: Any, ranks: list[int]) -> bool:
    """Small whole numbers, so that their sum is exact in any order; compared at random places."""
    torch, n = group.torch, data.numel()
    own = torch.arange(n, dtype=torch.int32, device=group.device)
    own.mul_(7).add_(ranks.index(group.index) * 13 + group.seed).remainder_(31)
    data.copy_(own)
    del own
    group.dist.all_reduce(data, group=some)
    group.wait()
    places = torch.randint(0, n, (min(n, 1 << 16),), device=group.device)
    places[-1] = n - 1
    wanted = torch.zeros_like(places)
    for number in range(len(ranks)):
        wanted += (places * 7 + number * 13 + group.seed) % 31
    return bool(torch.equal(data[places], wanted.to(data.dtype)))


def _slowest(group: Group, seconds: float, some: Any) -> float:
    """The same number on all ranks, so that all do as many runs."""
    shared = group.torch.tensor([seconds], device=group.device)
    group.dist.all_reduce(shared, op=group.dist.ReduceOp.MAX, group=some)
    return float(shared.item())


def _seconds(group: Group, data: Any, some: Any, runs: int) -> float:
    group.wait()
    begin = time.perf_counter()
    for _ in range(runs):
        group.dist.all_reduce(data, group=some)
    group.wait()
    return (time.perf_counter() - begin) / runs

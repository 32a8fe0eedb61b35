"""What nodes and ranks answer to `fleet smoke`, made by hand, and the findings of that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from gpufix.checks.registry import builtin_rules
from gpufix.fleet.smoke import copy_rows, rank_rows
from gpufix.fleet.smoke.answers import Ended, Looked, Pair, Ranks
from gpufix.fleet.smoke.outcome import Outcome
from gpufix.fleet.smoke.ratios import Sample
from gpufix.fleet.smoke.world import Member, World
from gpufix.model import Fault, Finding

Line = dict[str, Any]
Cost = Callable[[int, int], float]
DONE: Line = {"done": True}


def findings(judge: Callable[[Outcome], None], device: Any = "cuda") -> list[Finding]:
    """As findings of their rules."""
    found = Outcome(device=device, nodes=[])
    judge(found)
    rules = {rule.code: rule for rule in builtin_rules()}
    return [rules[f.code].finding(Fault(f.severity, f.subject, f.message)) for f in found.findings]


def rank(*lines: Line, code: int | None = 0, state: str = "", err: str = "") -> Ended:
    return Ended(code, state, 20.0, "\n".join(map(json.dumps, lines)), err)


def meeting(nodes: Mapping[str, Sequence[Ended] | str]) -> tuple[World, dict[str, Ranks]]:
    """The ranks of each node, or why there are none."""
    members = [Member(n, 1 if isinstance(e, str) else len(e)) for n, e in nodes.items()]
    told, first = {}, 0
    for node, ended in nodes.items():
        if isinstance(ended, str):
            told[node] = Ranks(node, problem=ended)
            first += 1
            continue
        numbers = {first + i: one for i, one in enumerate(ended)}
        told[node] = Ranks(node, ended=numbers)
        first += len(ended)
    if first:
        name = next(iter(told))
        told[name] = Ranks(name, told[name].problem, told[name].ended, members=tuple(range(first)))
    return World(members, "cuda"), told


def exchanges(ranks: int, cost: Cost, phase: str = "inside") -> list[list[Line]]:
    """Each pair in the sweep and twice in full, as the lower rank says it."""
    lines: list[list[Line]] = [[] for _ in range(ranks)]
    for a, b in combinations(range(ranks), 2):
        for full in (False, True, True):
            sample = Sample(a, b, cost(a, b) * 1e-9, phase, full)
            lines[a].append({"sample": sample, "phase": phase, "round": 3, "right": True})
    return lines


def quick(copy_ms: float, matmul_ms: float, **about: Any) -> Ended:
    """What `quick.py` prints on a GPU that is well."""
    device = {"name": "NVIDIA H100", "arch": "sm_90", "units": 132, "visible": 8, **about}
    times = {"copy": copy_ms, "matmul": matmul_ms}
    lines: list[Line] = [{"device": device, "seed": "0"}]
    lines += [
        {"case": case, "sizes": {"n": 8192}, "valid": True, "max_err": 0, "rel_err": 0,
         "tolerance": 0, "time_ms": {"median": ms, "min": ms, "max": ms, "runs": 9}}
        for case, ms in times.items()
    ]  # fmt: skip
    return rank(*lines)


def looked(node: str, *gpus: Ended, pairs: Sequence[Pair] = ()) -> Looked:
    return Looked(node, torch="2.9", nccl=True, devices=len(gpus), quick=gpus, pairs=tuple(pairs))


def pairs(
    counts: Sequence[int], cost: Cost, phase: str = "inside", device: str = "cuda"
) -> tuple[object, ...]:
    """Nodes of so many ranks."""

    def found() -> list[Finding]:
        lines = iter(exchanges(sum(counts), cost, phase))
        nodes = {
            f"n{k}": [rank(*next(lines), DONE) for _ in range(count)]
            for k, count in enumerate(counts, 1)
        }
        return findings(lambda outcome: rank_rows.judge(outcome, *meeting(nodes)), device)

    return (found,)


def slow(rank: int, factor: float) -> Cost:
    return lambda a, b: factor if rank in (a, b) else 1.0


BUSES = ("0000:0B:00.0", "0000:0C:00.0", "0000:0D:00.0", "0000:0E:00.0")


def copies(*rows: dict[str, Any], **way: Any) -> tuple[object, ...]:
    """On one node; NVML names a GPU's place with a longer domain and in small letters."""
    about = {"ancestor": "host bridge", "allowed": "ok", "nvlinks": 0, **way}
    ends = [f"0000{bus.lower()}" for bus in BUSES]
    pairs = [Pair(one, two, **about) for one in ends for two in ends if one != two]

    def found() -> list[Finding]:
        def both(outcome: Outcome) -> None:
            outcome.nodes = [looked("n1", *(quick(1, 1, bus_id=b) for b in BUSES), pairs=pairs)]
            copy_rows.judge(outcome, *meeting({"n1": [rank({"copies": list(rows)}, DONE)]}))

        return findings(both)

    return (found,)


def row(one: int = 0, two: int = 1, rate: float = 3e11, **more: Any) -> dict[str, Any]:
    return {"from": one, "to": two, "access": True, "rate": rate, "same": True, **more}

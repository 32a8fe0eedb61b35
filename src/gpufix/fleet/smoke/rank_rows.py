"""What the ranks said: all-reduces, rounds of pairs, who is slow, and who did not come to the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Literal

from gpufix.checks.smoke.flt1351_rank_lost import FLT1351
from gpufix.checks.smoke.flt1352_rank_slow import FLT1352
from gpufix.checks.smoke.net1251_link_slow import NET1251
from gpufix.checks.smoke.net1253_collective_wrong import NET1253
from gpufix.fleet.smoke import lost
from gpufix.fleet.smoke.answers import Ended, Ranks, samples
from gpufix.fleet.smoke.naming import LEAST, LEAST_CPU, name
from gpufix.fleet.smoke.outcome import Outcome
from gpufix.fleet.smoke.ratios import Sample
from gpufix.fleet.smoke.world import World
from gpufix.kernels.formula import number
from gpufix.model import ERROR, WARNING
from gpufix.model.fleet_smoke import SmokeAllReduce, SmokeRounds, SmokeSlow

Phase = Literal["inside", "between"]
_PHASES: tuple[Phase, ...] = ("inside", "between")


def judge(found: Outcome, world: World, told: Mapping[str, Ranks]) -> None:
    """Everything that the ranks of one meeting tell."""
    found.ranks.update({m.node: m.ranks for m in world.members})
    for node, answer in told.items():
        if answer.ended:
            found.ways[node] = (answer.interface, answer.address)
    ended = {n: e for answer in told.values() for n, e in answer.ended.items() if n < world.size}
    numbers = _members(world, told, ended)
    for row in lost.rows(world, told, ended, numbers):
        found.lost.append(row)
        what = f" at: {row.at}" if row.at else ""
        message = f"{row.name} did not come to the end: {row.why}{what}"
        found.find(FLT1351, ERROR, row.name, message, [row.node])
    _transports(found, ended.values())
    _allreduces(found, world, numbers, ended)
    for phase in _PHASES:
        _rounds(found, world, numbers, ended, phase)


def _members(world: World, told: Mapping[str, Ranks], ended: Mapping[int, Ended]) -> list[int]:
    """Who took part: those of the roll call, without nodes that were cut off afterwards."""
    called = next((a.members for a in told.values() if a.members is not None), ())
    later = [line["members"] for one in ended.values() for line in one.lines if "members" in line]
    some = later[0] if later and isinstance(later[0], list) else called
    return [m for m in some or () if isinstance(m, int) and 0 <= m < world.size]


def _transports(found: Outcome, ended: Sequence[Ended] | Any) -> None:
    ways: Counter[str] = Counter()
    for one in ended:
        last = [line["transport"] for line in one.lines if isinstance(line.get("transport"), list)]
        ways.update(str(way)[:80] for way in (last[-1] if last else ()))
    found.transports += [way for way, _ in ways.most_common(12)]


def _allreduces(
    found: Outcome, world: World, members: Sequence[int], ended: Mapping[int, Ended]
) -> None:
    """A row for each group and size: the mean over its ranks, as nccl-tests has it."""
    rows: dict[tuple[str, int], list[tuple[float, int, bool]]] = {}
    for rank, one in ended.items():
        for line in one.lines:
            seconds, size = number(line.get("seconds")), number(line.get("bytes"))
            if "allreduce" not in line or not seconds or not size:
                continue
            node = world.places[rank][0]
            group = "all" if line["allreduce"] == "all" else node
            right = line.get("right") is True
            count = line.get("ranks")
            rows.setdefault((group, int(size)), []).append(
                (seconds, count if isinstance(count, int) else 1, right)
            )
            if not right:
                subject = world.name(rank)
                message = f"{subject} gets a wrong sum from an all-reduce of {int(size)} bytes."
                found.find(NET1253, ERROR, subject, message, [node])
    for (group, size), some in rows.items():
        seconds, ranks = sum(s for s, _, _ in some) / len(some), some[0][1]
        found.allreduces.append(
            SmokeAllReduce(
                group=group,
                ranks=ranks,
                bytes=size,
                seconds=seconds,
                bus_gb_s=round(bus_bandwidth(size, seconds, ranks) / 1e9, 4),
                right=all(right for _, _, right in some),
            )
        )


def bus_bandwidth(size: int, seconds: float, ranks: int) -> float:
    """Bytes a second of an all-reduce, as nccl-tests' PERFORMANCE.md defines it: 2(n-1)/n of them."""
    return size / seconds * 2 * (ranks - 1) / ranks


def _rounds(
    found: Outcome,
    world: World,
    members: Sequence[int],
    ended: Mapping[int, Ended],
    phase: Phase,
) -> None:
    lines = {rank: one.lines for rank, one in ended.items()}
    some = [s for rows in lines.values() for s in samples(rows, len(members), phase)]
    if not some:
        return
    for rank, rows in lines.items():
        _wrong(found, world, members, rank, rows, phase)
    places = [world.places[m] for m in members]
    least = LEAST if found.device == "cuda" else LEAST_CPU
    named = name(some, [node for node, _ in places], least)
    rounds = [number(row.get("round")) or 0 for rows in lines.values() for row in rows]
    rates = {pair: 1e-9 / cost for pair, cost in _costs(some).items()}
    slowest = min(rates, key=rates.__getitem__)
    found.rounds.append(
        SmokeRounds(
            phase=phase,
            ranks=len({end for pair in rates for end in pair}),
            pairs=len(rates),
            rounds=int(max(_ran(rows, phase) for rows in lines.values()) if rounds else 0),
            median_gb_s=round(median(rates.values()), 4),
            slowest_gb_s=round(rates[slowest], 4),
            slowest=" – ".join(world.name(members[end]) for end in slowest),
            limit=round(named.limit, 3),
            noise=round(named.noise, 4),
        )
    )
    for kind, names, factor in _named(named.units, named.ranks, named.links, world, members):
        _slow(found, world, phase, kind, names, factor)


def _ran(rows: Sequence[Mapping[str, Any]], phase: str) -> float:
    """How many rounds a rank says that a phase took."""
    said = [number(row.get("rounds")) for row in rows if row.get("phase") == phase]
    begun = [number(row.get("round")) for row in rows if row.get("phase") == phase]
    return max([n for n in (*said, *begun) if n is not None], default=0.0)


def _costs(some: Sequence[Sample]) -> dict[tuple[int, int], float]:
    """Of each pair, in full where it was measured so."""
    full = {s.pair for s in some if s.full}
    costs: dict[tuple[int, int], list[float]] = {}
    for s in some:
        if s.full or s.pair not in full:
            costs.setdefault(s.pair, []).append(s.cost)
    return {pair: median(values) for pair, values in costs.items()}


def _wrong(
    found: Outcome,
    world: World,
    members: Sequence[int],
    rank: int,
    rows: Sequence[Mapping[str, Any]],
    phase: str,
) -> None:
    """Bytes that arrived other than they were sent, once for each pair."""
    bad = {
        s.pair
        for row in rows
        if row.get("right") is False
        for s in samples([row], len(members), phase)
    }
    for pair in sorted(bad):
        names = " – ".join(world.name(members[end]) for end in pair)
        message = f"{world.name(rank)} receives other bytes than were sent, between {names}."
        found.find(NET1253, ERROR, names, message, [world.places[members[e]][0] for e in pair])


def _named(
    units: Mapping[str, float],
    ranks: Mapping[int, float],
    links: Mapping[tuple[int, int], float],
    world: World,
    members: Sequence[int],
) -> Iterator[tuple[Literal["node", "rank", "link"], list[str], float]]:
    for node, factor in units.items():
        yield "node", [node], factor
    for rank, factor in ranks.items():
        yield "rank", [world.name(members[rank])], factor
    for pair, factor in links.items():
        yield "link", [world.name(members[end]) for end in pair], factor


def _slow(
    found: Outcome,
    world: World,
    phase: Phase,
    kind: Literal["node", "rank", "link"],
    names: list[str],
    factor: float,
) -> None:
    """One that is slow inside its node is slow to others, too: that is told once."""
    if any(row.names == names for row in found.slow):
        return
    found.slow.append(SmokeSlow(kind=kind, names=names, phase=phase, factor=round(factor, 2)))
    nodes = [
        node for rank, (node, _) in enumerate(world.places) if {world.name(rank), node} & set(names)
    ]
    subject, times = " – ".join(names), f"{factor:.1f} times as long as usual"
    if kind == "link":
        message = f"Between {subject} an exchange takes {times}; with others both are well."
        found.find(NET1251, WARNING, subject, message, nodes)
    else:
        message = f"With {subject} every exchange takes {times}, whoever the partner is."
        found.find(FLT1352, WARNING, subject, message, nodes)

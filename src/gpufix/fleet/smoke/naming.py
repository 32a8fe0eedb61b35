"""From measured pairs to names: which rank or link is slow, and which pairs to measure once more.

Assumed: most pairs are well, and no pair is faster than a well one; a slow rank is slow with every
partner, a slow link between these two only; both stay so for the seconds that the rounds take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, exp, sqrt
from statistics import median, median_low
from typing import NamedTuple, TypeVar

from gpufix.fleet.smoke.ratios import Pair, Ratios, Sample

# Times the usual cost. Healthy links of one class differ by a tenth, faults take half and more.
LEAST = 1.25
# Ranks on CPUs share processors with each other and with whatever else runs: while 60 runs shared two of
# them with compilers and tests, healthy pairs took up to 2.7 times as long; at a load of ten, 3.2 times.
LEAST_CPU = 4.0
_NOISE = 3.0  # so many standard deviations are noise
_LOWER, _UPPER = 0.25, 0.75  # quantiles: of what a rank has at its best, of what is well
_TWICE = 2  # full measurements that all say so, before a link is named
_ENOUGH = 3  # full measurements with a rank, whoever the partners are
FURTHER = 4  # rounds for what is suspected

End = TypeVar("End", int, str)


class Named(NamedTuple):
    """What is slow, each with its factor. `limit`: from which factor on; `noise`: of one sample."""

    units: dict[str, float]
    ranks: dict[int, float]
    links: dict[Pair, float]
    limit: float
    noise: float


def name(samples: Sequence[Sample], unit_of: Sequence[str], least: float = LEAST) -> Named:
    """`unit_of`: of each rank its node, or its own name where ranks are all there is to name."""
    ratios = Ratios(samples, unit_of)
    limit = max(least, exp(_NOISE * ratios.noise))
    units: dict[str, float] = {}
    if len(set(unit_of)) < len(unit_of):
        units = _slow_ends(ratios, ratios.pairs, lambda rank: unit_of[rank], least)
    left = [p for p in ratios.pairs if not {unit_of[p[0]], unit_of[p[1]]} & set(units)]
    ranks = _slow_ends(ratios, left, lambda rank: rank, least)
    apart = limit * _upper(ratios, left, limit)
    links = {
        pair: ratios.factor[pair]
        for pair in left
        if not set(pair) & set(ranks)
        and ratios.times(pair) >= _TWICE
        and ratios.least(pair) >= max(apart, limit * _beside(ratios, left, pair))
    }
    return Named(units, ranks, links, limit, ratios.noise)


def _upper(ratios: Ratios, pairs: Sequence[Pair], limit: float) -> float:
    """What is slow lies apart from what is well: by the limit from most of the others, too."""
    well = sorted(ratios.factor[p] for p in pairs if ratios.least(p) < limit)
    return max(1.0, well[ceil(_UPPER * (len(well) - 1))]) if well else 1.0


def _beside(ratios: Ratios, pairs: Sequence[Pair], pair: Pair) -> float:
    """What both ends have with others: a slow link is slow beside that, not only beside the fleet."""
    levels = [1.0]
    for rank in pair:
        others = [ratios.factor[p] for p in pairs if rank in p and p != pair]
        levels.append(_lower(others) if others else 1.0)
    return max(levels)


def _lower(values: Sequence[float]) -> float:
    return sorted(values)[int(_LOWER * (len(values) - 1))]


def _slow_ends(
    ratios: Ratios, pairs: Sequence[Pair], end_of: Callable[[int], End], least: float
) -> dict[End, float]:
    """The fewest ends that explain most: the slowest at its best first, then without its pairs.

    Three quarters of an end's pairs and more are slow: two bad links of one rank among four are half.
    """
    found: dict[End, float] = {}
    while True:
        own: dict[End, list[float]] = {}
        for pair in pairs:
            ends = {end_of(rank) for rank in pair}
            if not ends & found.keys():
                for end in ends:
                    own.setdefault(end, []).append(ratios.factor[pair])
        levels = {end: _lower(factors) for end, factors in own.items() if len(factors) > 1}
        if len(levels) < 2:
            return found
        worst = max(sorted(levels), key=levels.__getitem__)
        usual = max(1.0, median_low(level for end, level in levels.items() if end != worst))
        noise = ratios.noise / sqrt(min(len(own[worst]), 4))
        if levels[worst] < usual * max(least, exp(_NOISE * noise)):
            return found
        found[worst] = median(own[worst])


def further(samples: Sequence[Sample], unit_of: Sequence[str], least: float = LEAST) -> list[Pair]:
    """One more round for what is suspected, other pairs beside it so that the load is as before.

    Empty when nothing is suspected any more, or all of it was measured often enough.
    """
    ratios = Ratios(samples, unit_of)
    limit = max(least, exp(_NOISE * ratios.noise))
    ranks = _slow_ends(ratios, ratios.pairs, lambda rank: rank, least)
    times = {r: sum(ratios.times(p) for p in ratios.pairs if r in p) for r in ranks}
    links, proofs = [], []
    for pair in ratios.pairs:
        ends = set(pair) & set(ranks)
        if ends:
            if len(ends) == 1 and times[min(ends)] < _ENOUGH:
                proofs.append(pair)
        elif ratios.least(pair) >= limit and ratios.times(pair) < _TWICE:
            links.append(pair)
    links.sort(key=lambda p: (ratios.times(p), -ratios.factor[p]))
    proofs.sort(key=ratios.times)
    wanted = _matched([*links, *proofs])
    busy = {rank for pair in wanted for rank in pair}
    calm = sorted(ratios.pairs, key=lambda p: (ratios.least(p) >= limit, ratios.times(p)))
    return wanted + _matched([p for p in calm if not set(p) & busy]) if wanted else []


def _matched(pairs: Sequence[Pair]) -> list[Pair]:
    """Disjoint ones, first come first."""
    taken: set[int] = set()
    chosen = []
    for pair in pairs:
        if not taken & set(pair):
            taken |= set(pair)
            chosen.append(pair)
    return chosen

"""From measured pairs to names: which rank or link is slow, and which pairs to measure once more.

Assumed: most pairs are well, and no pair is faster than a well one; a slow rank is slow with every
partner, a slow link between these two alone; both stay so for the seconds that the rounds take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil, exp, log
from statistics import median
from typing import NamedTuple

LEAST = (
    1.25  # times the usual cost: healthy links of one class differ by a tenth, faults halve them
)
# Ranks on CPUs share processors, caches and one loopback: their healthy pairs differ by more.
LEAST_CPU = 1.6
_NOISE = 4.0  # so many spreads of what was measured twice are noise
_UPPER = 0.75  # the quantile of what is well
_MOST = 0.75  # of a slow rank's pairs are slow; two bad links of one rank among four are half
_TWICE = 2  # full measurements that all say so, before a link is named
_ENOUGH = 3  # full measurements with a rank, whoever the partners are
FURTHER = 4  # rounds for what is suspected

Pair = tuple[int, int]


class Sample(NamedTuple):
    """One pair, measured once. `cost`: seconds a byte. Samples of one kind and weight compare.

    `full`: a window of full length, in a round; otherwise a short one, in the sweep. `spread`: by what
    part the two halves of the window differ.
    """

    a: int
    b: int
    cost: float
    kind: str
    full: bool
    spread: float = 0.0

    @property
    def pair(self) -> Pair:
        return (self.a, self.b) if self.a < self.b else (self.b, self.a)


class Named(NamedTuple):
    """What is slow, each with its factor. `limit`: from which factor on; `noise`: of one sample."""

    units: dict[str, float]
    ranks: dict[int, float]
    links: dict[Pair, float]
    limit: float
    noise: float


class Ratios(NamedTuple):
    """Of each pair, its costs over the usual one: in the sweep, and in full rounds."""

    swept: dict[Pair, list[float]]
    full: dict[Pair, list[float]]

    def bad(self, pair: Pair, limit: float) -> bool:
        """Slow each time that it was measured in full; in the sweep where it was not."""
        return min(self.full.get(pair) or self.swept[pair]) >= limit

    def factor(self, pair: Pair) -> float:
        return median(self.full.get(pair) or self.swept[pair])

    def pairs(self) -> list[Pair]:
        return sorted(self.swept)


def name(samples: Sequence[Sample], unit_of: Sequence[str], least: float = LEAST) -> Named:
    """`unit_of`: of each rank its node, or its own name where ranks are all there is to name."""
    ratios, limit, noise = _judged(samples, unit_of, least)
    known = ratios.pairs()
    bad = {pair: ratios.factor(pair) for pair in known if ratios.bad(pair, limit)}
    units = _units(known, bad, unit_of)
    left = [p for p in known if not {unit_of[p[0]], unit_of[p[1]]} & set(units)]
    ranks = _ranks(left, bad)
    links = {
        pair: bad[pair]
        for pair in left
        if pair in bad and not set(pair) & set(ranks) and len(ratios.full.get(pair, ())) >= _TWICE
    }
    return Named(units, ranks, links, limit, noise)


def further(samples: Sequence[Sample], unit_of: Sequence[str], least: float = LEAST) -> list[Pair]:
    """One more round for what is suspected, other pairs of the same kinds beside it as before.

    Empty when nothing is suspected any more, or all of it was measured often enough.
    """
    ratios, limit, _ = _judged(samples, unit_of, least)
    known = ratios.pairs()
    suspected = {
        pair: ratios.factor(pair)
        for pair in known
        if ratios.bad(pair, limit) or (pair not in ratios.full and max(ratios.swept[pair]) >= limit)
    }
    ranks = _ranks(known, suspected)
    times = {pair: len(ratios.full.get(pair, ())) for pair in known}
    of_rank = {r: sum(times[p] for p in known if r in p) for r in ranks}
    wanted = [
        pair
        for pair in suspected
        if all(of_rank[r] < _ENOUGH for r in set(pair) & set(ranks)) and times[pair] < _TWICE
    ]
    wanted.sort(key=lambda p: (bool(set(p) & set(ranks)), times[p], -suspected[p]))
    matched = _matched(wanted, ranks)
    if not matched:
        return []
    busy = {rank for pair in matched for rank in pair}
    calm = sorted(known, key=lambda p: (p in suspected, times[p]))
    return matched + _matched([p for p in calm if not set(p) & busy], {})


def _judged(
    samples: Sequence[Sample], unit_of: Sequence[str], least: float
) -> tuple[Ratios, float, float]:
    """The costs over the usual ones, from what factor on a pair is slow, and the noise.

    What is slow lies apart from what is well: by that factor from most of the others, too.
    """
    ratios, noise = _ratios(samples, unit_of)
    limit = max(least, exp(_NOISE * noise))
    well = sorted(ratios.factor(p) for p in ratios.pairs() if not ratios.bad(p, limit))
    return ratios, limit * max(1.0, well[ceil(_UPPER * (len(well) - 1))]), noise


def _matched(pairs: Sequence[Pair], ranks: dict[int, float]) -> list[Pair]:
    """Disjoint ones, first come first; two ranks that are both suspected are no proof of either."""
    taken: set[int] = set()
    chosen = []
    for pair in pairs:
        if not taken & set(pair) and not set(pair) <= set(ranks):
            taken |= set(pair)
            chosen.append(pair)
    return chosen


def _ratios(samples: Sequence[Sample], unit_of: Sequence[str]) -> tuple[Ratios, float]:
    """Each cost over the usual one of its kind, and the noise of one sample."""
    found, spreads = Ratios({}, {}), [0.0]
    for kind in sorted({s.kind for s in samples}):
        swept, full = (_costs(samples, kind, which) for which in (False, True))
        middle = {pair: median(costs) for pair, costs in swept.items()}
        usual = _usual(middle, unit_of)
        spreads.append(_fast_side(list(middle.values()), usual))
        _divide(swept, usual, found.swept)
        if full:
            # Few pairs are measured in full, perhaps most of them slow: the sweep saw them all.
            scale = median(median(costs) / middle[pair] for pair, costs in full.items())
            _divide(full, usual * scale, found.full)
    halves = [s.spread for s in samples if s.full]
    return found, max(*spreads, median(halves) if halves else 0.0)


def _costs(samples: Sequence[Sample], kind: str, full: bool) -> dict[Pair, list[float]]:
    costs: dict[Pair, list[float]] = {}
    for s in samples:
        if (s.kind, s.full) == (kind, full):
            costs.setdefault(s.pair, []).append(s.cost)
    return costs


def _divide(costs: dict[Pair, list[float]], usual: float, into: dict[Pair, list[float]]) -> None:
    for pair, values in costs.items():
        into.setdefault(pair, []).extend(value / usual for value in values)


def _usual(costs: dict[Pair, float], unit_of: Sequence[str]) -> float:
    """The cost of a well pair: the middle of those that two faults at their worst would leave."""
    touched = max((t for t in _touched(list(costs), unit_of) if t < len(costs)), default=0)
    well = len(costs) - touched
    return sorted(costs.values())[(well - 1) // 2]


def _touched(pairs: Sequence[Pair], unit_of: Sequence[str]) -> list[int]:
    """How many pairs the one, and the two, busiest ranks and nodes have a part in."""
    found = []
    for ends in (list(pairs), [(unit_of[a], unit_of[b]) for a, b in pairs]):
        parts = Counter(end for pair in ends for end in set(pair))
        busiest = {end for end, _ in parts.most_common(2)}
        found += [max(parts.values()), sum(not busiest.isdisjoint(pair) for pair in ends)]
    return found


def _fast_side(costs: Sequence[float], usual: float) -> float:
    """The spread of a sample, from what is faster than usual: faults make nothing faster."""
    below = [log(usual / cost) for cost in costs if cost <= usual]
    return 1.4826 * median(below) if len(below) > 2 else 0.0


def _units(
    pairs: Sequence[Pair], bad: dict[Pair, float], unit_of: Sequence[str]
) -> dict[str, float]:
    """Nodes of several ranks all of whose pairs are slow, within it or to two other nodes at least."""
    found: dict[str, float] = {}
    ranks_of: dict[str, set[int]] = {}
    for rank, unit in enumerate(unit_of):
        ranks_of.setdefault(unit, set()).add(rank)
    for unit, ranks in ranks_of.items():
        own = [p for p in pairs if set(p) & ranks]
        others = {unit_of[r] for p in own for r in p} - {unit}
        within = not others and len(ranks) > 2 and len(ranks_of) > 2
        if len(ranks) > 1 and own and (within or len(others) > 1):
            slow = [bad[p] for p in own if p in bad]
            if len(slow) == len(own):
                found[unit] = median(slow)
    return found if len(found) < len(ranks_of) - 1 else {}


def _ranks(pairs: Sequence[Pair], bad: dict[Pair, float]) -> dict[int, float]:
    """The fewest ranks that explain most: the one with most slow pairs first, then without these."""
    found: dict[int, float] = {}
    while True:
        best: tuple[int, float, int] = (0, 0.0, -1)
        has: dict[int, list[Pair]] = {}
        for pair in pairs:
            if not set(pair) & set(found):
                for rank in pair:
                    has.setdefault(rank, []).append(pair)
        for rank, own in has.items():
            slow = [bad[p] for p in own if p in bad]
            if len(own) > 1 and len(slow) >= _MOST * len(own):
                best = max(best, (len(slow), median(slow), rank))
        if best[2] < 0:
            return found
        found[best[2]] = best[1]

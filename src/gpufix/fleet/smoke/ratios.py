"""What pairs of ranks cost, over what such pairs usually cost, and how much of that is noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log, sqrt
from statistics import median
from typing import NamedTuple

Pair = tuple[int, int]

# Of a window, from what its halves differ by in the middle: sigma = 1.05 median / sqrt(2), for normal ones.
_OF_HALVES = 0.74
_OF_MEDIAN = 1.4826  # sigma, from the middle of the distances


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


class Ratios:
    """Of each pair its costs over the usual one; `factor` in full rounds, in the sweep without any."""

    def __init__(self, samples: Sequence[Sample], unit_of: Sequence[str]) -> None:
        """`unit_of`: the node of each rank."""
        self.swept: dict[Pair, list[float]] = {}
        self.full: dict[Pair, list[float]] = {}
        halves = [s.spread for s in samples if s.full]
        self.noise = _OF_HALVES * median(halves) if halves else 0.0
        for kind in sorted({s.kind for s in samples}):
            swept, full = (_costs(samples, kind, which) for which in (False, True))
            self._take(swept, full, unit_of)
        self.pairs = sorted(self.swept)
        self.factor = {p: median(self.full.get(p) or self.swept[p]) for p in self.pairs}

    def _take(
        self, swept: dict[Pair, list[float]], full: dict[Pair, list[float]], unit_of: Sequence[str]
    ) -> None:
        """Few pairs are measured in full, perhaps most of them slow: the sweep saw them all."""
        middle = {pair: median(costs) for pair, costs in swept.items()}
        usual = _usual(middle, unit_of)
        self.noise = max(self.noise, _fast_side(list(middle.values()), usual))
        _divide(swept, usual, self.swept)
        both = [median(costs) / middle[pair] for pair, costs in full.items() if pair in middle]
        if both:
            scale = median(both)
            _divide(full, usual * scale, self.full)
            # What one pair differs by from one window to another, in the middle of all pairs.
            apart = median(abs(log(ratio / scale)) for ratio in both)
            self.noise = max(self.noise, _OF_MEDIAN * apart / sqrt(2) if len(both) > 2 else 0.0)

    def times(self, pair: Pair) -> int:
        """How often it was measured in full."""
        return len(self.full.get(pair, ()))

    def least(self, pair: Pair) -> float:
        """The smallest factor in full; in the sweep without any."""
        return min(self.full.get(pair) or self.swept[pair])


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
    if not costs:
        return 1.0
    touched = max((t for t in _touched(list(costs), unit_of) if t < len(costs)), default=0)
    return sorted(costs.values())[(len(costs) - touched - 1) // 2]


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
    return _OF_MEDIAN * median(below) if len(below) > 2 else 0.0

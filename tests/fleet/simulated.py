"""A fleet that is made up: what each pair costs, with faults and noise, and the rounds of the real one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gpufix.fleet.smoke.naming import FURTHER, Named, further, name
from gpufix.fleet.smoke.pairing import chosen, joined, tournament
from gpufix.fleet.smoke.ratios import Sample

Pair = tuple[int, int]


@dataclass
class Simulated:
    """`groups`: ranks that meet; `units`: the node of each rank."""

    groups: Sequence[Sequence[int]]
    units: Sequence[str]
    ranks: Mapping[int, float] = field(default_factory=dict)
    links: Mapping[Pair, float] = field(default_factory=dict)
    noise: float = 0.05
    combine: Callable[[Sequence[float]], float] = max
    random: random.Random = field(default_factory=lambda: random.Random(0))
    rounds: int = 0

    def cost(self, pair: Pair) -> float:
        """Seconds a byte, `noise` to either side."""
        factors = [self.ranks.get(pair[0], 1.0), self.ranks.get(pair[1], 1.0)]
        factors.append(self.links.get(pair, 1.0))
        return self.combine(factors) * self.random.uniform(1 - self.noise, 1 + self.noise)

    def measure(self, pairs: Sequence[Pair], full: bool) -> list[Sample]:
        return [Sample(a, b, self.cost((a, b)), "link", full) for a, b in pairs]

    def run(self) -> Named:
        """The sweep, the rounds, and what is suspected."""
        sweep = joined([tournament(g) for g in self.groups])
        samples = [s for pairs in sweep for s in self.measure(pairs, full=False)]
        self.rounds = 1
        for pairs in joined([chosen(g) for g in self.groups]):
            samples += self.measure(pairs, full=True)
            self.rounds += 1
        for _ in range(FURTHER):
            pairs = further(samples, self.units)
            if not pairs:
                break
            taken = [rank for pair in pairs for rank in pair]
            assert len(taken) == len(set(taken))
            samples += self.measure(pairs, full=True)
            self.rounds += 1
        return name(samples, self.units)

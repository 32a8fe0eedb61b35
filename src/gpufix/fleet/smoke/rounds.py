"""The rounds of pairs that one rank takes part in: the sweep, the chosen ones, what is suspected."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gpufix.fleet.smoke.exchange import Exchanger
from gpufix.fleet.smoke.group import Group
from gpufix.fleet.smoke.meeting import say
from gpufix.fleet.smoke.naming import FURTHER, further
from gpufix.fleet.smoke.pairing import Round, chosen, joined, tournament
from gpufix.fleet.smoke.ratios import Sample


def pairs(group: Group) -> None:
    """Inside all nodes side by side; then between them, ranks of one number with each other."""
    nodes: dict[str, list[int]] = {}
    lanes: dict[int, list[int]] = {}
    for index, (node, local) in enumerate(group.places):
        nodes.setdefault(node, []).append(index)
        lanes.setdefault(local, []).append(index)
    for phase, groups in (("inside", nodes.values()), ("between", lanes.values())):
        meeting = [ranks for ranks in groups if len(ranks) > 1]
        if meeting and (phase == "inside" or len(nodes) > 1):
            _Phase(group, phase, meeting).run()


class _Phase:
    """The rounds among some groups of ranks that share none."""

    def __init__(self, group: Group, name: str, groups: Sequence[Sequence[int]]) -> None:
        self._group, self._name, self._groups = group, name, groups
        self._exchanger = Exchanger(group)
        self._mine: list[Sample] = []
        self._number = 0

    def run(self) -> None:
        """Ranks without a partner wait."""
        scale = self._group.scale
        sweep = joined([tournament(ranks) for ranks in self._groups])
        window = max(scale.step_s, scale.sweep_s / max(1, len(sweep)))
        self._begin("sweep")
        for some in sweep:
            self._round(some, window, full=False)
        for some in joined([chosen(ranks) for ranks in self._groups]):
            self._full(some)
        for number in range(FURTHER):
            more = self._further(number)
            if not more:
                break
            self._full(more)
        say(rounds=self._number, phase=self._name)

    def _full(self, some: Round) -> None:
        self._begin(f"round {self._number}")
        self._round(some, self._group.scale.window_s, full=True)

    def _begin(self, what: str) -> None:
        self._group.step(f"{self._name}: {what}")
        self._number += 1

    def _round(self, some: Round, window: float, full: bool) -> None:
        me = self._group.index
        for pair in some:
            if me in pair:
                self._exchange(sum(pair) - me, window, full)

    def _exchange(self, peer: int, window: float, full: bool) -> None:
        group, at = self._group, f"{self._name}, round {self._number}"
        group.dog.arm(at)
        say(at=at, peer=peer)
        size = group.scale.full if full else group.scale.swept
        cost, spread, right = self._exchanger.with_(peer, size, window)
        low, high = sorted((group.index, peer))
        sample = Sample(low, high, cost, group.kind(self._name, low, high), full, spread)
        self._mine.append(sample)
        say(sample=sample, phase=self._name, round=self._number, right=right)

    def _further(self, number: int) -> Round:
        """The first rank reads what all have measured, and says what is to be measured again."""
        group, key = self._group, f"{self._name}/further/{number}"
        meeting, step = group.meeting, f"{self._name}: what is suspected"
        meeting.store.set(f"{key}/{group.index}", json.dumps(self._mine).encode())
        group.dog.arm(step)
        try:
            if group.index == 0:
                ranks = sorted({rank for some in self._groups for rank in some})
                rows = [json.loads(meeting.read(f"{key}/{rank}")) for rank in ranks]
                samples = [Sample(*row) for some in rows for row in some]
                more = further(samples, [node for node, _ in group.places], group.plan["least"])
                meeting.store.set(key, json.dumps(more).encode())
            return [(int(a), int(b)) for a, b in json.loads(meeting.read(key))]
        except TimeoutError:
            meeting.give_up(step)

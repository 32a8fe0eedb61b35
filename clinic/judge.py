"""From kept answers to scores. It needs no patient: anybody can judge the logs again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from statistics import NormalDist, median

from clinic import adapter
from clinic.adapter import Adapter, Block
from clinic.case import Case, Kind
from clinic.runner import Record

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Judged:
    """One case and one tool. `named`: the cause was named; `alarms`: what it calls broken."""

    case: Case
    record: Record
    named: str = ""  # the words that named it
    alarms: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # causes that must not be said, and were

    @property
    def answered(self) -> bool:
        return bool(self.record.said)

    @property
    def mark(self) -> str:
        """A letter for the matrix."""
        if self.record.failed or not self.answered:
            return " "
        if self.case.healthy:
            return "F" if self.alarms else "."
        return "N" if self.named else "-"


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's interval of 95 %."""

    hits: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson (1927), doi:10.1080/01621459.1927.10502953."""
        if not self.of:
            return 0.0, 1.0
        p, n = self.hits / self.of, self.of
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * (p * (1 - p) / n + Z * Z / (4 * n * n)) ** 0.5
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        if not self.of:
            return "–"
        low, high = self.interval
        share = f"{100 * self.hits / self.of:.0f} %"
        return f"{self.hits}/{self.of} · {share} ({100 * low:.0f}–{100 * high:.0f})"


def judged(tool: Adapter, case: Case, record: Record) -> Judged:
    """What the tool's kept answer is worth."""
    if not record.said:
        return Judged(case, record)
    found = adapter.blocks(tool, record.said.output)
    alarms = [b for b in found if b.alarm]
    wrong = sorted({c for b in alarms for c in b.causes if c in case.never.causes})
    named = "" if case.healthy else next(filter(None, (_names(b, case) for b in found)), "")
    return Judged(case, record, named, [b.text[:300] for b in alarms], wrong)


def _names(block: Block, case: Case) -> str:
    """The words with which a block names the case's cause, or nothing."""
    cause = case.cause
    if not cause or not block.warning:
        return ""
    words = next((block.causes[c] for c in (cause.name, *cause.also) if c in block.causes), "")
    if not words:
        return ""
    if cause.subject and not any(re.search(s, block.text, re.I) for s in cause.subject):
        return ""
    if case.kind is Kind.tree and cause.files:
        names = [re.escape(PurePosixPath(f).name) for f in cause.files]
        if not re.search(rf"(?<![\w.-])({'|'.join(names)})(?![\w-])", block.text):
            return ""
    return words


@dataclass(frozen=True)
class Score:
    """A tool over cases."""

    tool: Adapter
    rows: list[Judged]

    def _of(self, kind: Kind, *, healthy: bool) -> list[Judged]:
        return [
            j
            for j in self.rows
            if j.case.kind is kind and j.case.healthy is healthy and not j.record.failed
        ]

    def named(self, kind: Kind) -> Share:
        rows = [j for j in self._of(kind, healthy=False) if j.answered]
        return Share(sum(bool(j.named) for j in rows), len(rows))

    def false_alarms(self, kind: Kind) -> Share:
        rows = [j for j in self._of(kind, healthy=True) if j.answered]
        return Share(sum(bool(j.alarms) for j in rows), len(rows))

    @property
    def repaired(self) -> Share:
        rows = [j.record.repaired for j in self.rows if j.record.repaired]
        return Share(sum(r.check for r in rows), len(rows))

    @property
    def strayed(self) -> int:
        return sum(bool(j.record.repaired and j.record.repaired.strayed) for j in self.rows)

    @property
    def undone(self) -> Share:
        rows = [j.record.repaired for j in self.rows if j.record.repaired]
        asked = [r for r in rows if r.undone]
        return Share(sum(not r.left for r in asked), len(asked))

    @property
    def seconds(self) -> float:
        """The median of a diagnosis."""
        return median([j.record.said.seconds for j in self.rows if j.record.said] or [0.0])


def score(tool: Adapter, cases: Iterable[Case], kept: dict[str, Record]) -> Score:
    return Score(tool, [judged(tool, c, kept[c.id]) for c in cases if c.id in kept])

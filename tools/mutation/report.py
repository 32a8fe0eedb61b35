"""The table of groups, and the survivors as small diffs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mutation.ledger import KILLED, LATE, SURVIVED, Verdict
from mutation.population import Mutant
from mutation.texts import Texts


@dataclass(frozen=True)
class Judged:
    """A mutant of the sample; `reason`: why it is listed as equivalent."""

    mutant: Mutant
    verdict: Verdict
    reason: str | None

    @property
    def survived(self) -> bool:
        return self.verdict.outcome == SURVIVED and self.reason is None


@dataclass(frozen=True)
class Row:
    """A group's figures."""

    name: str
    population: int
    judged: Sequence[Judged]

    def count(self, outcome: str) -> int:
        return sum(j.verdict.outcome == outcome for j in self.judged)

    @property
    def equivalent(self) -> int:
        return sum(j.verdict.outcome == SURVIVED and j.reason is not None for j in self.judged)

    @property
    def survived(self) -> int:
        return sum(j.survived for j in self.judged)

    @property
    def share(self) -> float:
        """Of those that can be killed."""
        able = len(self.judged) - self.equivalent
        return (able - self.survived) / able if able else 1.0


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of the table."""
    head = (
        "group",
        "population",
        "sample",
        "killed",
        "timed out",
        "equivalent",
        "survived",
        "share",
    )
    width = max(len(row.name) for row in rows) + 2
    yield head[0].ljust(width) + "".join(name.rjust(12) for name in head[1:])
    for row in rows:
        numbers = (
            row.population, len(row.judged), row.count(KILLED), row.count(LATE),
            row.equivalent, row.survived,
        )  # fmt: skip
        cells = "".join(str(number).rjust(12) for number in numbers)
        yield f"{row.name.ljust(width)}{cells}{row.share:12.1%}"


def survivor(judged: Judged, texts: Texts) -> Iterator[str]:
    """The lines on one mutant that lives."""
    mutant = judged.mutant
    yield f"{mutant.file}:{mutant.line}: {mutant.function or 'module'}: {mutant.operator}"
    yield f"  - {mutant.before}"
    yield f"  + {mutant.after(texts[mutant.file].decode())}"
    yield f"  lives through {' '.join(judged.verdict.ran) or 'no test: none imports the module'}"

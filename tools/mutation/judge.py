"""Tries mutants on their nearest tests, and remembers what came of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mutation.bench import Bench
from mutation.ledger import KILLED, LATE, SURVIVED, Baseline, Ledger, Verdict
from mutation.nearest import Imports
from mutation.population import Mutant
from mutation.settings import Group, Settings
from mutation.texts import Texts, digest, matching

_QUICK, _SLOW = "not slow", "slow"
_PATIENCE = 300  # seconds of CPU for a file of tests without a mutant


@dataclass
class Judge:
    """`failing`: tests that fail without a mutant; they kill none."""

    root: Path
    settings: Settings
    texts: Texts
    ledger: Ledger
    failing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        settings = self.settings
        apart = matching(self.root, settings.apart)
        self.imports = Imports(self.texts, settings.source, settings.tests, apart)
        below = f"{settings.source}/"
        self._sources = digest(text for p, text in self.texts.items() if p.startswith(below))
        self._measuring = threading.Lock()
        self._killers: dict[str, list[str]] = {}

    def tests(self, mutant: Mutant, group: Group) -> list[str]:
        """The files of tests that a mutant must be noticed by."""
        also = matching(self.root, group.also)
        return self.imports.nearest(mutant.file, self.settings.nearest, also)

    def known(self, mutant: Mutant, group: Group) -> Verdict | None:
        """The verdict that still holds."""
        verdict = self.ledger.verdict(mutant.identity, self._source(mutant))
        if verdict is None or not self.texts.keys() >= {*verdict.tests}:
            return None
        if verdict.outcome == SURVIVED and list(verdict.tests) != self.tests(mutant, group):
            return None
        return verdict if verdict.digest == self._holds(verdict.outcome, verdict.tests) else None

    def judge(self, mutant: Mutant, group: Group, bench: Bench) -> Verdict:
        """Try it."""
        tests = self.tests(mutant, group)
        first = self._killers.setdefault(mutant.file, [])  # what kills one kills its neighbours
        tests.sort(key=lambda test: all(not name.startswith(test) for name in first))
        text = mutant.applied(self.texts[mutant.file].decode())
        seconds, ran = 0.0, list[str]()
        for some in self._portions(tests, bench):
            files = [row.test for row in some]
            options = ["-x", "-m", some[0].marked]
            options += [f"--deselect={name}" for row in some for name in row.failed]
            limit = self.settings.patience + 5 * sum(row.seconds for row in some)
            with bench.holding(mutant.file, text):
                result = bench.run(files, limit, *options, first=first)
            seconds += result.said.cpu
            ran += files
            if result.said.failed:
                by = result.said.failed[0]
                killers = [file for file in files if by.split("::")[0] == file] or files
                first.append(by)
                outcome = LATE if result.late else KILLED
                return self._found(mutant, outcome, killers, by, seconds, ran)
        return self._found(mutant, SURVIVED, self.tests(mutant, group), "", seconds, ran)

    def _portions(self, tests: Sequence[str], bench: Bench) -> Iterator[list[Baseline]]:
        """One file, two, four, … within the budget, the first anyway; slow tests where there are no others."""
        measured = (self._baseline(test, _QUICK, bench) for test in tests)
        portion: list[Baseline] = []
        size, spent = 1, 0.0
        for row in measured:
            if row.passed and (not spent or spent + row.seconds <= self.settings.budget):
                portion.append(row)
                spent += row.seconds
            if len(portion) == size:
                yield portion
                portion, size = [], size * 2
        if not spent:
            portion = [
                row for test in tests[:1] if (row := self._baseline(test, _SLOW, bench)).passed
            ]
        if portion:
            yield portion

    def _baseline(self, test: str, marked: str, bench: Bench) -> Baseline:
        with self._measuring:  # what two measure at once takes longer
            known = digest([self._sources.encode(), self.imports.digest(test).encode()])
            found = self.ledger.baseline(test, marked, known)
            if found is None:
                result = bench.run([test], _PATIENCE, "-m", marked, write=True)
                failed = sorted(set(result.said.failed))
                passed = 0 if result.late else result.said.passed
                found = Baseline(test, marked, known, passed, failed, round(result.said.cpu, 2))
                self.ledger.add(found)
            self.failing |= set(found.failed)
            return found

    def _found(
        self,
        mutant: Mutant,
        outcome: str,
        tests: Sequence[str],
        by: str,
        seconds: float,
        ran: Sequence[str],
    ) -> Verdict:
        found = Verdict(
            mutant.identity,
            self._source(mutant),
            outcome,
            tests,
            self._holds(outcome, tests),
            by,
            round(seconds, 2),
            ran,
        )
        self.ledger.add(found)
        return found

    def _source(self, mutant: Mutant) -> str:
        return digest([self.texts[mutant.file]])

    def _holds(self, outcome: str, tests: Sequence[str]) -> str:
        """What a verdict rests on: these tests, and for a survivor how many of them there was time for."""
        budget = [str(self.settings.budget)] if outcome == SURVIVED else []
        return digest(part.encode() for part in (*map(self.imports.digest, tests), *budget))

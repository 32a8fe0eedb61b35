"""Tries mutants on their nearest tests, and remembers what came of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mutation.bench import Bench
from mutation.ledger import KILLED, LATE, SURVIVED, Baseline, Ledger, Verdict
from mutation.nearest import Imports
from mutation.population import Mutant
from mutation.settings import Group, Settings, matching

_QUICK = ("-m", "not slow")
_PATIENCE = 300  # seconds of CPU for a file of tests without a mutant


@dataclass
class Judge:
    """`failing`: tests that fail without a mutant; they kill none."""

    root: Path
    settings: Settings
    ledger: Ledger
    failing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        settings = self.settings
        apart = matching(self.root, settings.apart)
        self.imports = Imports(self.root, settings.source, settings.tests, apart)
        paths = sorted((self.root / settings.source).rglob("*.py"))
        self._sources = _digest(path.read_bytes() for path in paths)
        self._measuring = threading.Lock()

    def tests(self, mutant: Mutant, group: Group) -> list[str]:
        """The files of tests that a mutant must be noticed by."""
        also = matching(self.root, group.also)
        return self.imports.nearest(mutant.file, self.settings.nearest, also)

    def known(self, mutant: Mutant, group: Group) -> Verdict | None:
        """The verdict that still holds."""
        verdict = self.ledger.verdict(mutant.identity, self._source(mutant))
        if verdict is None or not all((self.root / test).exists() for test in verdict.tests):
            return None
        if verdict.outcome == SURVIVED and list(verdict.tests) != self.tests(mutant, group):
            return None
        return verdict if verdict.digest == self._tests_digest(verdict.tests) else None

    def judge(self, mutant: Mutant, group: Group, bench: Bench) -> Verdict:
        """Try it."""
        tests = self.tests(mutant, group)
        before = self.ledger.verdict(mutant.identity, self._source(mutant))
        if before and before.outcome != SURVIVED:  # what killed it will again
            tests.sort(key=lambda test: test not in before.tests)
        seconds = 0.0
        for some in self._portions(tests, bench):
            options = ["-x", *_QUICK, *(f"--deselect={t}" for row in some for t in row.failed)]
            files = [row.test for row in some]
            limit = 10 + 5 * sum(row.seconds for row in some)
            with bench.holding(
                mutant.file, mutant.applied((self.root / mutant.file).read_text("utf-8"))
            ):
                result = bench.run(files, limit, *options)
            seconds += result.said.cpu
            if result.said.failed:
                by = result.said.failed[0]
                killers = [file for file in files if by.split("::")[0] == file] or files
                outcome = LATE if result.late else KILLED
                return self._found(mutant, outcome, killers, by, seconds)
        return self._found(mutant, SURVIVED, self.tests(mutant, group), "", seconds)

    def _portions(self, tests: Sequence[str], bench: Bench) -> Iterator[list[Baseline]]:
        """One file, two, four, …, until they take longer than the budget; the first always."""
        portion: list[Baseline] = []
        size, spent = 1, 0.0
        for test in tests:
            baseline = self._baseline(test, bench)
            if not baseline.passed or (spent and spent + baseline.seconds > self.settings.budget):
                continue
            portion.append(baseline)
            spent += baseline.seconds
            if len(portion) == size:
                yield portion
                portion, size = [], size * 2
        if portion:
            yield portion

    def _baseline(self, test: str, bench: Bench) -> Baseline:
        with self._measuring:  # what two measure at once takes longer
            digest = _digest([self._sources.encode(), self.imports.digest(test).encode()])
            found = self.ledger.baseline(test, digest)
            if found is None:
                result = bench.run([test], _PATIENCE, *_QUICK, write=True)
                failed = sorted(set(result.said.failed))
                passed = 0 if result.late else result.said.passed
                found = Baseline(test, digest, passed, failed, round(result.said.cpu, 2))
                self.ledger.add(found)
            self.failing |= set(found.failed)
            return found

    def _found(
        self, mutant: Mutant, outcome: str, tests: Sequence[str], by: str, seconds: float
    ) -> Verdict:
        digest = self._tests_digest(tests)
        source = self._source(mutant)
        found = Verdict(mutant.identity, source, outcome, tests, digest, by, round(seconds, 2))
        self.ledger.add(found)
        return found

    def _source(self, mutant: Mutant) -> str:
        return _digest([(self.root / mutant.file).read_bytes()])

    def _tests_digest(self, tests: Sequence[str]) -> str:
        return _digest(self.imports.digest(test).encode() for test in tests)


def _digest(parts: Iterator[bytes] | Sequence[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()

"""What was found out, a line of JSON each, as it comes: a run that was cut off goes on from there."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

KILLED, LATE, SURVIVED = "killed", "timed out", "survived"


@dataclass(frozen=True)
class Baseline:
    """What a file of tests comes to without a mutant."""

    test: str
    marked: str  # which of its tests were run, as pytest's -m says it
    digest: str  # of the sources, of the tests
    passed: int
    failed: Sequence[str]
    seconds: float  # of CPU


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant, and by which files of tests; it holds as long as these stay.

    A survivor's `tests` are all that could have been run, `ran` those that were.
    """

    mutant: str
    source: str  # the digest of its file
    outcome: str
    tests: Sequence[str]
    digest: str  # of these tests
    by: str = ""
    seconds: float = 0  # of CPU
    ran: Sequence[str] = ()


class Ledger:
    """The newest row counts."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._baselines: dict[tuple[str, str], Baseline] = {}
        self._verdicts: dict[str, Verdict] = {}
        text = path.read_text("utf-8") if path.exists() else ""
        self._torn = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            try:
                row = json.loads(line)
                self._take(Verdict(**row) if "mutant" in row else Baseline(**row))
            except (ValueError, TypeError):
                continue  # cut off in the middle, or written by another version

    def _take(self, row: Baseline | Verdict) -> None:
        if isinstance(row, Verdict):
            self._verdicts[row.mutant] = row
        else:
            self._baselines[row.test, row.marked] = row

    def add(self, row: Baseline | Verdict) -> None:
        """Keep it, at once."""
        with self._lock:
            self._take(row)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n" * self._torn + f"{json.dumps(asdict(row))}\n")
                self._torn = False

    def baseline(self, test: str, marked: str, digest: str) -> Baseline | None:
        """What was found for a file of tests, if nothing has changed since."""
        found = self._baselines.get((test, marked))
        return found if found and found.digest == digest else None

    def verdict(self, mutant: str, source: str) -> Verdict | None:
        """What became of a mutant, if its file is the same; whether the tests are is to be asked."""
        found = self._verdicts.get(mutant)
        return found if found and found.source == source else None

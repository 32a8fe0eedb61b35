"""What a check sees: the facts, the targets, and memoised questions about the files they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from gpufix.model import Distribution, Facts, Gap, Target

T = TypeVar("T")
Ask = Callable[[str, str], Any]


class NotRecorded(Exception):
    """A replayed snapshot holds no answer to this question."""


class View:
    """Facts plus read-only queries. A replay answers from the snapshot and touches no disk."""

    def __init__(self, facts: Facts, targets: Sequence[Target] = (), ask: Ask | None = None):
        self.facts = facts
        self.targets = tuple(targets)
        self.gaps: list[Gap] = []
        self.answers: dict[str, Any] = dict(facts.answers)
        self._ask = ask
        self._derived: dict[Callable[[View], Any], Any] = {}

    def env(self, name: str) -> str | None:
        """A variable as a build or run would see it: the environment file outranks the process."""
        overlay = self.facts.environment.overlay
        if name in overlay:
            return overlay[name]
        return self.facts.environment.process.get(name)

    def dist(self, name: str) -> Distribution | None:
        """The installed distribution of this normalised name that Python would use."""
        found = self._by_name.get(name)
        return found[0] if found else None

    def dists(self, name: str) -> list[Distribution]:
        """Every installed copy, in sys.path order."""
        return self._by_name.get(name, [])

    def ask(self, question: str, subject: str) -> Any:
        """Ask the disk (or the snapshot) something; `None` and a gap when nobody can answer.

        Questions are listed in facts/queries.py. Answers are JSON values.
        """
        key = f"{question}:{subject}"
        if key not in self.answers:
            try:
                if self._ask is None:
                    raise NotRecorded("the snapshot holds no answer")
                self.answers[key] = self._ask(question, subject)
            except (NotRecorded, OSError, ValueError) as error:
                self.gaps.append(Gap(section=question, subject=subject, reason=str(error)))
                self.answers[key] = None
        return self.answers[key]

    def derive(self, build: Callable[[View], T]) -> T:
        """Something computed from the view that several checks use, computed once."""
        if build not in self._derived:
            self._derived[build] = build(self)
        derived: T = self._derived[build]
        return derived

    @cached_property
    def _by_name(self) -> dict[str, list[Distribution]]:
        index: dict[str, list[Distribution]] = {}
        for dist in self.facts.distributions:
            index.setdefault(dist.name, []).append(dist)
        return index

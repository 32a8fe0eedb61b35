"""Builds of one run that do not depend on each other: one that fails is taken back by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gpufix.engine.errors import StepFailed
from gpufix.engine.propose import Proposed
from gpufix.fixes.merge import contributes
from gpufix.model import Held, Step


@dataclass
class Lenience:
    """Steps whose failure takes back nothing but themselves, and the failures so far."""

    steps: Sequence[Step] = ()
    failures: list[StepFailed] = field(default_factory=list)


def alone(proposed: Proposed) -> Iterator[Step]:
    """Builds of plans that do nothing else: one that fails leaves the others as good as they are."""
    for step in proposed.steps:
        plans = [plan for plan in proposed.choice.plans if contributes(plan, step)]
        if all(own.kind == "build" for plan in plans for own in plan.steps):
            yield step


def failures(proposed: Proposed, lenience: Lenience) -> Iterator[Held]:
    """The plans whose builds failed."""
    for error in lenience.failures:
        for plan in proposed.choice.plans:
            if error.step is not None and contributes(plan, error.step):
                yield Held(plan=plan, reason=f"{error}; that was put back", tried=True)

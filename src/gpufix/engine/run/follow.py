"""What a run has brought to light or made buildable: planned, shown and done in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from gpufix.diagnosis.diagnose import Judgement, Request, examine
from gpufix.engine.builds.unbuilt import built_by
from gpufix.engine.run import apply
from gpufix.engine.run.apply import FailureIsolation, alone, failures
from gpufix.engine.run.comparison import compare
from gpufix.engine.run.propose import Proposed
from gpufix.engine.run_context import EngineError, RunContext, StepFailed
from gpufix.facts.questions import Questions
from gpufix.model import Facts, Finding, FindingKey, Held, Plan, Step

_MOST = 6  # rounds: a submodule of a submodule of a submodule


class Manner(Protocol):
    """Of `Repair`, what the rounds need."""

    @property
    def request(self) -> Request: ...
    @property
    def look(self) -> Callable[[], tuple[Facts, Questions | None]]: ...
    @property
    def build(self) -> bool: ...
    @property
    def show(self) -> Callable[[Proposed], None]: ...


@dataclass
class Way:
    """A run so far: what was proposed first, and what is judged of the patient now."""

    first: Proposed
    judgement: Judgement
    facts: Facts
    revealed: list[Finding]  # everything that came to light on the way
    more: list[Proposed] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def plans(self) -> list[Plan]:
        """All that were carried out and stay."""
        return [plan for each in (self.first, *self.more) for plan in each.choice.plans]

    @property
    def steps(self) -> list[Step]:
        """Theirs."""
        return [step for each in (self.first, *self.more) for step in each.steps]


def follow(way: Way, folder: Path, context: RunContext, how: Manner) -> Way:
    """Go on until nothing more comes to light. A round that does harm is taken back, the rest stays.

    Raises StepFailed where a round can neither be finished nor taken back.
    """
    current = way.first
    for _ in range(_MOST):
        tried = [*way.plans, *(row.plan for row in way.held)]
        more = current.following(way.judgement, way.revealed, tried, how.build)
        if more is None:
            break
        context.say("planned for what has come to light")
        how.show(more)
        current = replace(more, given_up=more.given_up | _round(way, more, folder, context, how))
    return way


def _round(
    way: Way, more: Proposed, folder: Path, context: RunContext, how: Manner
) -> frozenset[FindingKey | None]:
    """One round: the findings to be given up, of plans that did not work."""
    number, isolation = apply.count(folder), FailureIsolation(list(alone(more)))
    try:
        apply.extend(folder, more.steps, replace(context, facts=way.facts), isolation)
    except EngineError as error:
        return _taken_back(way, more, folder, number, str(error))
    failed = list(failures(more, isolation))
    done = more.without([row.plan for row in failed])
    context.say("looking again")
    after, ask = how.look()
    judgement = examine(after, how.request, ask)
    plans = done.choice.plans
    result = compare(way.judgement.findings, judgement.findings, plans, built_by(plans, after))
    if result.reason is not None:
        return _taken_back(way, more, folder, number, result.reason)
    way.judgement, way.facts = judgement, after
    way.revealed += [f for f in result.revealed if f.key not in {g.key for g in way.revealed}]
    way.held += [*failed, *_new(way, more)]
    if plans:
        way.more.append(done)
    return frozenset(row.plan.finding for row in failed)


def _new(way: Way, more: Proposed) -> list[Held]:
    known = [*way.first.choice.held, *way.held]
    return [row for row in more.choice.held if row not in known]


def _taken_back(
    way: Way, more: Proposed, folder: Path, number: int, reason: str
) -> frozenset[FindingKey | None]:
    undone = apply.withdraw(folder, number)
    if undone.problems:
        raise StepFailed(f"{reason}; not everything could be restored: {undone.problems[0]}")
    aside = undone.left_aside()
    way.held += [
        Held(plan=plan, reason=f"{reason}{aside}; that was restored", tried=True)
        for plan in more.choice.plans
    ]
    return frozenset(plan.finding for plan in more.choice.plans)

"""Apply, look again, compare, and keep or undo: one run of `gpufix fix --apply`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import gpufix
from gpufix.diagnosis.diagnose import Request, examine, patient_summary
from gpufix.engine.builds.unbuilt import built_by, installed_from
from gpufix.engine.journal import lock, runs, undo_run
from gpufix.engine.journal.undo_run import Undone
from gpufix.engine.run import apply, github_env
from gpufix.engine.run.apply import FailureIsolation, alone, failures
from gpufix.engine.run.comparison import Comparison, compare, flat, harmful, next_steps
from gpufix.engine.run.follow import Way, follow
from gpufix.engine.run.import_probe import imports, module_of, probe
from gpufix.engine.run.propose import Proposed
from gpufix.engine.run_context import Busy, EngineError, Refused, RunContext, StepFailed, words
from gpufix.facts.questions import Questions
from gpufix.fixes.merge import contributes
from gpufix.frozen import Frozen
from gpufix.model import Facts, Finding, Held, Outcome, Plan, Probe, Severity
from gpufix.model.outcome import BuildResult
from gpufix.model.payload import ExtensionModules
from gpufix.text.clean import below

_ACCUSED = 8  # modules of one finding that are imported
Look = Callable[[], tuple[Facts, Questions | None]]


class Repair(Frozen):
    """How a run is to be carried out. `look` collects the facts anew; `request` judges them."""

    state: Path
    request: Request
    look: Look
    keep: bool = False
    probe: bool = False
    proven: bool = False  # what does not import is undone; else it is only said
    build: bool = False  # also what can be built by then
    show: Callable[[Proposed], None] = lambda _: None  # of more plans, before they are carried out


@dataclass
class _Attempt:
    """What came of one application; the plans to leave out of the next, or the next with more."""

    outcome: Outcome
    culprits: list[Plan] = field(default_factory=list)
    why: str | None = None
    failed: list[Held] = field(default_factory=list)
    extended: Proposed | None = None


def repair(proposed: Proposed, context: RunContext, how: Repair) -> Outcome:
    """Carry the plans out. What they bring is planned for and done with them in another attempt.

    Plans that fail, or have no effect, or bring what no plan removes, give way to the next ones.
    Never raises EngineError: what went wrong is the outcome's reason. KeyboardInterrupt passes.
    """
    start = time.monotonic()
    held = list(proposed.choice.held)
    try:
        with lock.held(
            how.state, lock.folders(prefix(context), context.project), "gpufix fix"
        ) as fds:
            _no_interrupted(how.state, context)
            locked = replace(context, lock_fds=fds)
            while True:
                attempt = _tried(proposed, locked, how)
                if attempt.extended is not None:
                    proposed = attempt.extended
                    continue
                rest = proposed.instead_of(attempt.culprits)
                if not attempt.culprits or not rest.choice.plans:
                    break
                why = attempt.why or "did not remove its finding"
                held += [Held(plan=p, reason=why, tried=True) for p in attempt.culprits]
                proposed = rest
            outcome = attempt.outcome
            held += attempt.failed
    except (EngineError, OSError) as error:
        outcome = _failed(proposed, context, error)
    seconds = time.monotonic() - start
    return replace(
        outcome,
        remaining=[*proposed.unplanned, *outcome.remaining],
        held=held,
        skips=proposed.choice.skips,
        seconds=round(seconds, 3),
    )


def _tried(proposed: Proposed, context: RunContext, how: Repair) -> _Attempt:
    """One attempt; when a step failed and all was put back, the plans that had asked for it."""
    try:
        return _attempt(proposed, context, how)
    except (Refused, StepFailed) as error:
        step = error.step
        if step is None or (isinstance(error, StepFailed) and not error.put_back):
            raise
        culprits = [plan for plan in proposed.choice.plans if contributes(plan, step)]
        return _Attempt(_failed(proposed, context, error), culprits, str(error))


def nothing_to_do(proposed: Proposed, facts: Facts) -> Outcome:
    """The outcome when there is no plan to carry out."""
    return Outcome(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(facts),
        state="nothing",
        remaining=[*proposed.unplanned, *proposed.judgement.findings],
        held=proposed.choice.held,
        skips=proposed.choice.skips,
    )


def prefix(context: RunContext) -> str:
    """By which the patient's runs and lock are known. Raises Refused."""
    python = context.facts.python
    if python is None:
        raise Refused("there is no Python to repair")
    return os.path.realpath(python.prefix)


def _no_interrupted(state: Path, context: RunContext) -> None:
    if (why := runs.cut_off(state, prefix(context), context.project)) is not None:
        raise Busy(why)


def _attempt(proposed: Proposed, context: RunContext, how: Repair) -> _Attempt:
    titles = "; ".join(dict.fromkeys(plan.title for plan in proposed.choice.plans))
    isolation = FailureIsolation(list(alone(proposed)))
    built: list[BuildResult] = []
    context = replace(context, built=built.append)
    folder = apply.apply(proposed.steps, context, how.state, titles, isolation)
    failed = list(failures(proposed, isolation))
    if failed:
        proposed = proposed.without([row.plan for row in failed])
        if not proposed.choice.plans:
            undone = undo_run.rollback(runs.load(folder))
            raise _failed_alone(isolation.failures[0], undone, folder)
    context.say("looking again")
    after, ask = how.look()
    judgement = examine(after, how.request, ask)
    plans = proposed.choice.plans
    named = built_by(plans, after)
    result = compare(proposed.judgement.findings, judgement.findings, plans, named)
    probes = _probes(proposed, result, after, context) if how.probe else []
    result = as_proven(result, probes, after)
    reason = result.reason or (_probe_reason(probes) if how.proven else None)
    outcome = replace(
        _outcome(proposed, context, result), run=folder.name, probes=probes, reason=reason
    )
    if reason is None or how.keep:
        way = follow(Way(proposed, judgement, after, result.revealed), folder, context, how)
        return _kept(outcome, way, folder, context, built, failed)
    return replace(
        _undone(folder, outcome, result, proposed),
        extended=proposed.with_plans_for(result.harm, judgement) if not result.failed else None,
    )


def _kept(
    outcome: Outcome,
    way: Way,
    folder: Path,
    context: RunContext,
    built: list[BuildResult],
    failed: list[Held],
) -> _Attempt:
    """The run is finished: what it came to, from its first step to its last."""
    apply.finish(folder)
    plans, before = way.plans, way.first.judgement.findings
    result = compare(before, way.judgement.findings, plans, built_by(plans, way.facts))
    come = [f for f in way.revealed if f.key not in {g.key for g in flat(way.judgement.findings)}]
    built += installed_from(plans, way.judgement.view)
    known = {probe.module for probe in outcome.probes}
    more = imports(built, way.facts, dict(context.environ))
    probes = [*outcome.probes, *(each for each in more if each.module not in known)]
    result = as_proven(result, probes, way.facts)
    revealed = [f for f in result.revealed if f.severity is not Severity.advice or not come]
    kept = replace(
        outcome,
        state="kept",
        patient=patient_summary(way.facts),
        plans=plans,
        fixed=[*result.fixed, *come],
        remaining=result.remaining,
        introduced=result.introduced,
        revealed=result.revealed,
        notes=[
            *github_env.append(way.steps, context.environ),
            *next_steps(way.steps, revealed),
        ],
        bytes_kept=runs.kept_bytes(runs.load(folder)),
        built=built,
        probes=probes,
    )
    return _Attempt(kept, failed=[*failed, *way.held])


def _failed_alone(failure: StepFailed, undone: Undone, folder: Path) -> StepFailed:
    """A build's failure, after the run that was nothing but failed builds has been put back."""
    if undone.problems:
        return _not_back(f"{failure}{failure.aside}", undone, folder)
    told = StepFailed(f"{failure}{undone.left_aside()}")
    told.step = failure.step
    return told


def _not_back(reason: str, undone: Undone, folder: Path) -> StepFailed:
    failure = StepFailed(
        f"{reason}; not everything could be restored ({undone.problems[0]}): run `gpufix undo "
        f"{folder.name}`"
    )
    failure.put_back = False
    return failure


def _undone(folder: Path, outcome: Outcome, result: Comparison, proposed: Proposed) -> _Attempt:
    try:
        undone = undo_run.undo(runs.load(folder))
    except EngineError as error:  # somebody has changed meanwhile what the run had written
        undone = Undone((str(error),))
    if undone.problems:
        raise _not_back(str(outcome.reason), undone, folder)
    failed = {f.key for f in result.failed}
    culprits = [p for p in proposed.choice.plans if p.finding in failed]
    why = None
    if not culprits:
        culprits, why = harmful(proposed.choice.plans, result.harm), result.reason
    reason = f"{outcome.reason}{undone.left_aside()}"
    return _Attempt(replace(outcome, state="undone", reason=reason), culprits, why)


def _outcome(proposed: Proposed, context: RunContext, result: Comparison) -> Outcome:
    return Outcome(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(context.facts),
        state="kept",
        plans=proposed.choice.plans,
        fixed=result.fixed,
        remaining=result.remaining,
        introduced=result.introduced,
        revealed=result.revealed,
    )


def _failed(proposed: Proposed, context: RunContext, error: EngineError | OSError) -> Outcome:
    return Outcome(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(context.facts),
        state="failed",
        plans=proposed.choice.plans,
        remaining=list(proposed.judgement.findings),
        reason=words(error),
    )


def _probes(
    proposed: Proposed, result: Comparison, after: Facts, context: RunContext
) -> list[Probe]:
    """The import of what was installed, and of what the repaired findings kept from loading."""
    context.say("importing what was repaired")
    every = [f for fixed in result.fixed for f in (fixed, *(b for _, b in below(fixed)))]
    names, files = {f.subject for f in every}, [path for f in every for path in _accused(f)]
    return probe(proposed.steps, after, dict(context.environ), names, files)


def _accused(finding: Finding) -> Sequence[str]:
    """The compiled modules that an error says do not load."""
    payload = finding.payload
    if not isinstance(payload, ExtensionModules) or finding.severity is not Severity.error:
        return ()
    return payload.libraries[:_ACCUSED]


def as_proven(result: Comparison, probes: Sequence[Probe], after: Facts) -> Comparison:
    """What was read to be fixed, and whose module does not import all the same, remains."""
    failing = {p.module for p in probes if p.failed}
    places = after.python.site_dirs if after.python else []
    unproven = [
        f for f in result.fixed if {module_of(path, places) for path in _accused(f)} & failing
    ]
    return replace(
        result,
        fixed=[f for f in result.fixed if f not in unproven],
        remaining=[*result.remaining, *unproven],
    )


def _probe_reason(probes: Sequence[Probe]) -> str | None:
    bad = [p for p in probes if p.failed]
    return f"{bad[0].module} does not import: {bad[0].said}" if bad else None


def left(outcome: Outcome, wanted: Container[str]) -> list[Finding]:
    """What still asks for something: faults of the wanted codes, what is new, and what a plan was meant
    to remove."""
    tried = [*outcome.plans, *(row.plan for row in outcome.held if row.tried)]
    planned = {plan.finding for plan in tried}
    still = [*outcome.remaining, *outcome.revealed]
    if outcome.state in ("undone", "failed"):
        still += outcome.fixed
    asked = [f for f in still if f.code in wanted and f.severity is not Severity.advice]
    new = [f for f in outcome.introduced if f.severity is not Severity.advice]
    return [*asked, *new, *(f for f in still if f.key in planned and f not in asked)]

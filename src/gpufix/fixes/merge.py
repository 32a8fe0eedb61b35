"""Which plans are applied, and their steps as one ordered list. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace

from gpufix.evidence.requirements import parse
from gpufix.fixes.conflicts import Base, PlanConflicts, joined
from gpufix.frozen import Frozen
from gpufix.model import Build, Finding, Held, Install, Plan, SetVariables, Skip, Step, WriteFile
from gpufix.text.names import normalise

Planner = Callable[[Finding], Sequence[Plan | Skip]]

_REMOVAL, _TORCH, _OTHERS = 2, 3, 4
_STAGE = {
    "submodules": 0,
    "write": 1,
    "remove": 1,
    "fallback": 5,
    "environment": 6,
    "build": 7,
    "advise": 8,
}


class PlanChoice(Frozen):
    """The plans to carry out, those that are not, and the findings that have none.

    later: other plans for the same findings, best first: what is tried where the first fails.
    """

    plans: list[Plan] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    later: list[Plan] = field(default_factory=list)


def _unknown(step: WriteFile) -> str | None:
    return None


def choose(
    findings: Iterable[Finding],
    planner: Planner,
    unsafe: bool,
    base: Base = _unknown,
    by_name: Sequence[Plan | Skip] = (),
) -> PlanChoice:
    """For each cause its safest plan; its consequences are planned only when it has none.

    Plans that contradict an earlier one (a worse finding's) are held back. `base`: the present text
    of a file, by which two edits of it are told to agree. `by_name`: plans that were asked for by
    name, which come first and are carried out whatever their safety.
    """
    choice = PlanChoice(
        plans=[p for p in by_name if isinstance(p, Plan)],
        skips=[s for s in by_name if isinstance(s, Skip)],
    )
    for finding in findings:
        _choose_one(finding, planner, unsafe, choice)
    return PlanChoice(*_compatible(choice.plans, choice.held, base), choice.skips, choice.later)


def instead(choice: PlanChoice, failed: Sequence[Plan], base: Base = _unknown) -> PlanChoice:
    """The choice without some plans, each replaced by the next one for its finding."""
    plans, later = [p for p in choice.plans if p not in failed], list(choice.later)
    for plan in failed:
        follower = next((p for p in later if plan.finding and p.finding == plan.finding), None)
        if follower is not None:
            later.remove(follower)
            if _compatible([*plans, follower], [], base)[0][-1:] == [follower]:
                plans.append(follower)
    return replace(choice, plans=plans, later=later)


def added(choice: PlanChoice, more: PlanChoice, base: Base = _unknown) -> PlanChoice | None:
    """The choice with more plans; None where they contradict its own or each other."""
    plans = [*choice.plans, *more.plans]
    kept, _ = _compatible(plans, [], base)
    later = [*choice.later, *more.later]
    return replace(choice, plans=plans, later=later) if kept == plans else None


def merge(plans: Sequence[Plan], base: Base = _unknown) -> list[Step]:
    """The steps of all plans: each once, installations joined, in an order that works.

    A plan's own steps keep their order. Removals come before installations, torch before its
    companions, variables before builds.
    """
    staged: list[tuple[int, Step]] = []
    for plan in plans:
        stage = 0
        for step in _split(plan):
            stage = max(stage, _stage(step))
            if (stage, step) not in staged:
                staged.append((stage, step))
    staged.sort(key=lambda row: row[0])
    merged: list[tuple[int, Step]] = []
    for stage, step in staged:
        _add(merged, stage, step, base)
    return [step for _, step in merged]


def contributes(plan: Plan, step: Step) -> bool:
    """Whether a merged step does something that this plan asked for."""
    return any(_overlap(own, step) for own in merge([plan]))


def _overlap(own: Step, step: Step) -> bool:
    if isinstance(own, Install) and isinstance(step, Install):
        wanted = {*own.install, *own.uninstall}
        return bool(wanted & {*step.install, *step.uninstall})
    if isinstance(own, SetVariables) and isinstance(step, SetVariables):
        return bool(own.variables.keys() & step.variables.keys())
    if isinstance(own, (WriteFile, Build)) and isinstance(step, (WriteFile, Build)):
        return own.kind == step.kind and own.path == step.path
    return own == step


def _choose_one(finding: Finding, planner: Planner, unsafe: bool, choice: PlanChoice) -> None:
    offered = planner(finding)
    plans = [p for p in offered if isinstance(p, Plan)]
    choice.skips.extend(p for p in offered if isinstance(p, Skip))
    for plan in plans[:1]:
        if plan.safety == "manual":
            choice.held.append(Held(plan=plan, reason="gpufix cannot do this: run it yourself"))
        elif plan.safety == "unsafe" and not unsafe:
            choice.held.append(Held(plan=plan, reason=_unsafe(plan)))
        else:
            choice.plans.append(plan)
            choice.later.extend(_later(plans, unsafe))
    if not plans:
        for below in finding.consequences:
            _choose_one(below, planner, unsafe, choice)


def _later(plans: Sequence[Plan], unsafe: bool) -> Iterator[Plan]:
    """What follows the first, each behind the same from another place; no replacement of a package."""
    for number, plan in enumerate(p for p in plans if p.fallback is None and _consented(p, unsafe)):
        if number or plan != plans[0]:
            yield plan
        if there := plan.elsewhere:
            yield replace(plan, title=there.title, steps=there.steps, elsewhere=None)


def _consented(plan: Plan, unsafe: bool) -> bool:
    return plan.safety == "safe" or (unsafe and plan.safety == "unsafe")


def _unsafe(plan: Plan) -> str:
    """Why an unsafe plan waits, and the options that carry it out."""
    instead = f" or --fallback {plan.fallback}" if plan.fallback is not None else ""
    return f"{_changes(plan)}: needs --unsafe{instead}"


def _changes(plan: Plan) -> str:
    """What of an unsafe plan needs consent."""
    if plan.fallback is not None:
        return "replaces a package"
    if any(isinstance(step, Install) for step in plan.steps):
        return "changes a version you chose"
    return "changes what source code means"


def _compatible(
    plans: Sequence[Plan], held: Sequence[Held], base: Base
) -> tuple[list[Plan], list[Held]]:
    kept: list[Plan] = []
    out = list(held)
    conflicts = PlanConflicts(base)
    moving = any(plan.moves_torch is not None for plan in plans)
    for plan in plans:
        if plan in kept:
            continue
        reason = conflicts.against(plan)
        if moving and plan.for_this_torch:
            reason = "waits: torch itself is to be changed first"
        if reason:
            out.append(Held(plan=plan, reason=reason))
        else:
            conflicts.add(plan)
            kept.append(plan)
    return kept, out


def _split(plan: Plan) -> Iterator[Step]:
    """An installation that also removes is two: other plans' removals join the first.

    Of a safe plan, dependencies may be added but nothing that is installed may move.
    """
    for step in plan.steps:
        if isinstance(step, Install) and step.uninstall and step.install:
            yield Install(uninstall=step.uninstall)
            step = replace(step, uninstall=[])
        if isinstance(step, Install) and step.dependencies and plan.safety == "safe":
            step = replace(step, freeze=True)
        yield step


def _stage(step: Step) -> int:
    if not isinstance(step, Install):
        return _STAGE[step.kind]
    if step.uninstall:
        return _REMOVAL
    names = {normalise(r.name) for text in step.install if (r := parse(text))}
    return _TORCH if "torch" in names else _OTHERS


def _add(merged: list[tuple[int, Step]], stage: int, step: Step, base: Base) -> None:
    for number, (other_stage, other) in enumerate(merged):
        joined = _joined(other, step, base) if other_stage == stage else None
        if joined is not None:
            merged[number] = (stage, joined)
            return
    merged.append((stage, step))


def _joined(one: Step, other: Step, base: Base) -> Step | None:
    """Both as one step, when they are of one kind."""
    if isinstance(one, Install) and isinstance(other, Install):
        return _joined_installs(one, other)
    if isinstance(one, WriteFile) and isinstance(other, WriteFile):
        return joined(one, other, base) if one.path == other.path else None
    if isinstance(one, SetVariables) and isinstance(other, SetVariables):
        return SetVariables(variables={**one.variables, **other.variables})
    if isinstance(one, Build) and isinstance(other, Build) and one.path == other.path:
        archs = [*one.expect_archs, *(a for a in other.expect_archs if a not in one.expect_archs)]
        variables = {**one.environment, **other.environment}
        return replace(
            one, environment=variables, expect_archs=archs, editable=one.editable or other.editable
        )
    return one if one == other else None


def _joined_installs(one: Install, other: Install) -> Install | None:
    """One transaction; but builds from source, each of which may fail, stay apart."""
    if one.environment and other.environment and one.install != other.install:
        return None
    manner = ("reinstall", "dependencies", "index", "links", "freeze", "sought", "environment")
    if bool(one.uninstall) != bool(other.uninstall):
        return None
    if not one.uninstall and any(getattr(one, m) != getattr(other, m) for m in manner):
        return None
    return replace(
        one,
        install=list(dict.fromkeys([*one.install, *other.install])),
        uninstall=list(dict.fromkeys([*one.uninstall, *other.uninstall])),
    )

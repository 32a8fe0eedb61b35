"""From findings to the steps that would be done. Looks at files, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from gpufix.checks.judge import INTERNAL_CODES, Selection
from gpufix.diagnosis.diagnose import Judgement, Request, examine
from gpufix.engine.builds.unbuilt import build_plans
from gpufix.evidence.view import View
from gpufix.facts.questions import Questions
from gpufix.fallbacks import catalogue
from gpufix.fixes.conflicts import Base
from gpufix.fixes.fallback import install_fallback
from gpufix.fixes.merge import PlanChoice, added, choose, instead, merge
from gpufix.fixes.no_plan import no_plan, unmended, unplanned
from gpufix.fixes.pins import with_dependents
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import declared
from gpufix.frozen import Frozen
from gpufix.model import Facts, Finding, FindingKey, Plan, Skip, Step, WriteFile
from gpufix.plugins import all_fixes, all_rules


class FixRequest(Frozen):
    """What the user wants repaired. `only`: codes or families, of which alone plans are made.

    `fallbacks`: to be installed, and without `only` nothing else is repaired.
    """

    request: Request
    only: tuple[str, ...] = ()
    unsafe: bool = False
    fallbacks: tuple[str, ...] = ()


class Proposed(Frozen):
    """The findings of all rules that are not ignored, and the plans for those that were asked for."""

    judgement: Judgement
    choice: PlanChoice
    unplanned: tuple[Finding, ...] = ()  # what kept fixes from planning: DOC002, DOC003
    standing: tuple[Finding, ...] = ()  # errors for which nothing is planned, each with the reason
    unsafe: bool | None = None  # the user's consent; None: one thing was asked for by its name
    given_up: frozenset[FindingKey | None] = frozenset()  # what no plan could remove
    wanted: frozenset[str] = frozenset()  # the codes that were asked for

    @property
    def failures(self) -> list[Finding]:
        """What failed in gpufix or a plugin: not all was judged, or not all planned."""
        judged = [f for f in self.judgement.findings if f.code in INTERNAL_CODES]
        return [*self.unplanned, *judged]

    @cached_property
    def steps(self) -> list[Step]:
        """The merged steps of the chosen plans."""
        plans, view = self.choice.plans, self.judgement.view
        return [with_dependents(step, plans, view) for step in merge(plans, _base(view))]

    def without(self, plans: Sequence[Plan]) -> Proposed:
        """The same with some plans left out."""
        kept = [p for p in self.choice.plans if p not in plans]
        return replace(self, choice=replace(self.choice, plans=kept))

    def instead_of(self, plans: Sequence[Plan]) -> Proposed:
        """The same with some plans left out, and the next ones for their findings tried."""
        choice = instead(self.choice, plans, _base(self.judgement.view))
        gone = {p.finding for p in plans} - {p.finding for p in choice.plans}
        return replace(self, choice=choice, given_up=self.given_up | gone)

    def with_plans_for(self, brought: Sequence[Finding], after: Judgement) -> Proposed | None:
        """The same with plans for what it would bring; None where not all of that has one.

        `after`: what was judged of the patient as these plans had left it. No finding is planned
        for twice.
        """
        if self.unsafe is None:
            return None
        known = {plan.finding for plan in self.choice.plans} | self.given_up
        keys = {f.key for f in brought} - known
        findings = _selected(after.findings, lambda f: f.key in keys)
        planner, base = Planner(all_fixes()[0], after.view), _base(after.view)
        chosen = choose(findings, partial(_offered, planner), self.unsafe, base)
        planned: set[object] = {plan.finding for plan in chosen.plans}
        if len(keys) < len(brought) or unplanned(findings, planned):
            return None
        choice = added(self.choice, chosen, base)
        return None if choice is None else replace(self, choice=choice)

    def following(
        self, judgement: Judgement, revealed: Sequence[Finding], done: Sequence[Plan], build: bool
    ) -> Proposed | None:
        """Plans for what these have brought to light, and for what can be built now; None: no more.

        `judgement`: of the patient as the plans that are `done` have left it.
        """
        if self.unsafe is None:
            return None
        keys = {f.key for f in revealed if f.code in self.wanted}
        keys -= {plan.finding for plan in done if plan.finding} | self.given_up
        findings = _selected(judgement.findings, lambda f: f.key in keys)
        planner, base = Planner(all_fixes()[0], judgement.view), _base(judgement.view)
        choice = choose(findings, partial(_offered, planner), self.unsafe, base)
        more = replace(self, judgement=judgement, choice=choice)
        more = more.with_builds(done) if build else more
        return more if more.choice.plans else None

    def with_builds(self, done: Sequence[Plan] = ()) -> Proposed:
        """The same with a plan for each folder that can be built and is not installed."""
        choice = self.choice
        plans, held = build_plans(self.judgement.view, [*done, *choice.plans])
        return replace(
            self,
            choice=replace(choice, plans=[*choice.plans, *plans], held=[*choice.held, *held]),
        )


def propose(facts: Facts, ask: Questions | None, fix_request: FixRequest) -> Proposed:
    """Judge and plan. Raises GpuNameError, UnknownCode and UnknownFallback for what the user
    mistyped."""
    selection = fix_request.request.selection
    judgement = examine(facts, judged(fix_request), ask)
    rules, _ = all_rules()
    wanted = {r.code for r in selection.apply(rules)}
    if fix_request.only:
        wanted &= {r.code for r in Selection(select=fix_request.only).apply(rules)}
    fixes, broken = all_fixes() if judgement.findings or fix_request.fallbacks else ([], [])
    view = judgement.view
    planner = Planner(fixes, view)
    by_name = list(_on_demand(planner, judgement, fix_request.fallbacks))
    served = [row for p in by_name if isinstance(p, Plan) for row in p.served]
    if fix_request.fallbacks and not fix_request.only:
        wanted = set()
    findings = _selected(
        judgement.findings,
        lambda f: f.code in wanted and install_fallback.served_as(f) not in served,
    )
    chosen = choose(findings, partial(_offered, planner), fix_request.unsafe, _base(view), by_name)
    unplanned = (*broken, *planner.crashed())
    # By name, one thing was asked for: the rest is not spoken of.
    standing = () if by_name else tuple(_standing(judgement.findings, chosen, planner, wanted))
    consent = None if by_name else fix_request.unsafe
    return Proposed(judgement, chosen, unplanned, standing, consent, wanted=frozenset(wanted))


def _standing(
    findings: Sequence[Finding], chosen: PlanChoice, planner: Planner, wanted: set[str]
) -> Iterator[Finding]:
    plans = [*chosen.plans, *(row.plan for row in chosen.held)]
    for finding in unmended(findings, {plan.finding for plan in plans}):
        reason = no_plan(finding, planner) if finding.code in wanted else None
        yield replace(finding, no_plan=reason or "it is not what was asked for")


def _on_demand(
    planner: Planner, judgement: Judgement, names: Sequence[str]
) -> Iterator[Plan | Skip]:
    """What was asked for by name. Raises UnknownFallback."""
    fix = declared(install_fallback.install_fallback)
    for name in names:
        catalogue.get(name)
        ask = partial(install_fallback.on_demand, name, judgement.view, judgement.findings)
        offered = planner.attempt(fix, "--fallback", name, ask)
        if offered is not None:
            yield offered


def judged(fix_request: FixRequest) -> Request:
    """All rules but the ignored ones judge, so that harm done elsewhere is noticed."""
    everything = Selection(ignore=fix_request.request.selection.ignore)
    return replace(fix_request.request, selection=everything)


def _selected(findings: Sequence[Finding], wanted: Callable[[Finding], bool]) -> list[Finding]:
    """The findings to be mended; below a cause that is not, its consequences stand alone."""
    found: list[Finding] = []
    for finding in findings:
        below = _selected(finding.consequences, wanted)
        if wanted(finding):
            found.append(replace(finding, consequences=below))
        else:
            found += below
    return found


def _base(view: View) -> Base:
    """The text that a step's content was made from, when that is what the file still holds."""

    def base(step: WriteFile) -> str | None:
        source = view.source(step.path)
        return source.text if source and source.sha256 == step.expect else None

    return base


def _offered(planner: Planner, finding: Finding) -> list[Plan | Skip]:
    """The plans for one finding, safest first, and the reasons for which a fix has none."""
    offered = planner.offers(finding)
    plans = [_for(p, finding) for p in offered if isinstance(p, Plan)]
    return [*_with_alternative(plans), *(s for s in offered if isinstance(s, Skip))]


def _with_alternative(plans: Sequence[Plan]) -> list[Plan]:
    """The first plan, with the fallback that could be installed instead of it."""
    first, others = plans[:1], plans[1:]
    name = next((p.fallback for p in others if p.fallback is not None), None)
    if name is None:
        return list(plans)
    return [
        *(replace(p, alternative=f"gpufix fix --apply --fallback {name}") for p in first),
        *others,
    ]


def _for(plan: Plan, finding: Finding) -> Plan:
    """The plan, with the finding that it must remove."""
    return replace(plan, finding=finding.key)

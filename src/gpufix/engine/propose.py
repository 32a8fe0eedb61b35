"""From findings to the steps that would be done. Looks at files, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gpufix.checks.selection import Selection
from gpufix.doctor import Judgement, Request, examine
from gpufix.fixes.clashes import Base
from gpufix.fixes.dependents import with_dependents
from gpufix.fixes.merge import Choice, choose, merge
from gpufix.fixes.registry import Fix
from gpufix.model import Facts, Finding, Plan, Skip, Step, WriteFile
from gpufix.plugins import all_fixes, all_rules
from gpufix.view import Ask, View


@dataclass(frozen=True)
class Wish:
    """What the user wants repaired. `only`: codes or families, of which alone plans are made."""

    request: Request
    only: tuple[str, ...] = ()
    unsafe: bool = False


@dataclass(frozen=True)
class Proposed:
    """The findings of all rules that are not ignored, and the plans for those that were asked for."""

    judgement: Judgement
    choice: Choice

    @cached_property
    def steps(self) -> list[Step]:
        """The merged steps of the chosen plans."""
        plans, view = self.choice.plans, self.judgement.view
        return [with_dependents(step, plans, view) for step in merge(plans, _base(view))]

    def without(self, plans: Sequence[Plan]) -> Proposed:
        """The same with some plans left out."""
        kept = [p for p in self.choice.plans if p not in plans]
        return replace(self, choice=replace(self.choice, plans=kept))


def propose(facts: Facts, ask: Ask | None, wish: Wish) -> Proposed:
    """Judge and plan. Raises GpuNameError and UnknownCode for what the user mistyped."""
    selection = wish.request.selection
    judgement = examine(facts, judged(wish), ask)
    rules, _ = all_rules()
    wanted = {r.code for r in selection.apply(rules)}
    if wish.only:
        wanted &= {r.code for r in Selection(select=wish.only).apply(rules)}
    fixes, _ = all_fixes()
    wanted_findings = _selected(judgement.findings, wanted)
    view = judgement.view
    chosen = choose(wanted_findings, _planner(view, fixes), wish.unsafe, _base(view))
    return Proposed(judgement, chosen)


def judged(wish: Wish) -> Request:
    """All rules but the ignored ones judge, so that harm done elsewhere is noticed."""
    whole = Selection(ignore=wish.request.selection.ignore)
    return replace(wish.request, selection=whole)


def _selected(findings: Sequence[Finding], codes: set[str]) -> list[Finding]:
    """The findings to be mended; below a cause that is not, its consequences stand alone."""
    found: list[Finding] = []
    for finding in findings:
        below = _selected(finding.consequences, codes)
        if finding.code in codes:
            found.append(finding.model_copy(update={"consequences": below}))
        else:
            found += below
    return found


def _base(view: View) -> Base:
    """The text that a step's content was made from, when that is what the file still holds."""

    def base(step: WriteFile) -> str | None:
        source = view.ask("source", step.path)
        known = isinstance(source, dict) and source.get("sha256") == step.expect
        return str(source["text"]) if known else None

    return base


def _planner(view: View, fixes: Sequence[Fix]) -> Callable[[Finding], list[Plan | Skip]]:
    def plan(finding: Finding) -> list[Plan | Skip]:
        offered = [_offer(fix, finding, view) for fix in fixes if finding.code in fix.codes]
        plans = [_for(p, finding) for p in offered if isinstance(p, Plan)]
        ordered = sorted(plans, key=lambda p: ("safe", "unsafe", "manual").index(p.safety))
        return [*ordered, *(s for s in offered if isinstance(s, Skip))]

    return plan


def _offer(fix: Fix, finding: Finding, view: View) -> Plan | Skip | None:
    try:
        return fix.plan(finding, view)
    except Exception as error:  # one fix that crashes must not keep the others from mending
        reason = f"the fix crashed: {error!r}"
        return Skip(fix=fix.name, code=finding.code, subject=finding.subject, reason=reason)


def _for(plan: Plan, finding: Finding) -> Plan:
    """The plan, with the finding that it must remove."""
    return plan.model_copy(
        update={"data": {**plan.data, "finding": [finding.code, finding.subject]}}
    )

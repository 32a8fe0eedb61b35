"""From facts to a diagnosis: targets, checks, plans, verdict, and what fails a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

import gpufix
from gpufix.checks.judge import Selection, judge
from gpufix.checks.registry import Rule
from gpufix.diagnosis.looked_at import looked_at
from gpufix.diagnosis.unjudged import unjudged
from gpufix.diagnosis.verdict import summarised
from gpufix.evidence.targets import choose
from gpufix.evidence.unknown_packages import not_judged
from gpufix.evidence.view import View
from gpufix.facts.questions import Questions
from gpufix.fixes.commands import summary
from gpufix.fixes.no_plan import no_plan
from gpufix.fixes.planner import Planner
from gpufix.frozen import Frozen
from gpufix.model import (
    Diagnosis,
    Facts,
    Finding,
    PatientSummary,
    Severity,
)
from gpufix.plugins import all_fixes, all_rules


class Request(Frozen):
    """What the user asked of the doctor. `gpus` as typed: "sm_120", "RTX 5080".

    `project_gpus`: those of the project's table, where none was typed. `of_log`: what only a log shows, as a rule that looks again.
    """

    gpus: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
    of_log: Rule | None = None
    project_gpus: tuple[str, ...] = ()


class Judgement(Frozen):
    """The findings on one view, before they are put into a report."""

    view: View
    findings: list[Finding]
    ignored: int
    judged: tuple[str, ...] = ()


def examine(facts: Facts, request: Request, ask: Questions | None = None) -> Judgement:
    """Judge the facts. Raises GpuNameError and UnknownCode for what the user mistyped."""
    view = View(facts, choose(facts, request.gpus, request.project_gpus), ask)
    rules, broken = all_rules(facts.project is not None, "patient")
    chosen, ignored = request.selection.within(rules, "patient")
    of_log = [request.of_log] if request.of_log else []
    findings = [*broken, *judge(view, [*chosen, *of_log])]
    judged = tuple(r.code for r in chosen if r.doctor)
    return Judgement(view, findings, ignored, judged)


def diagnose(facts: Facts, request: Request, ask: Questions | None = None) -> Diagnosis:
    """The whole report of `gpufix doctor`."""
    judgement = examine(facts, request, ask)
    findings = planned(judgement.findings, judgement.view)
    gaps = list(dict.fromkeys([*facts.gaps, *judgement.view.gaps]))
    counts = summarised(
        findings,
        gaps,
        judgement.view.targets,
        judgement.ignored,
        why_unjudged=unjudged(facts, gaps, judgement.judged, judgement.findings),
    )
    return Diagnosis(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(facts, findings),
        targets=list(judgement.view.targets),
        findings=findings,
        gaps=gaps,
        not_judged=not_judged(judgement.view),
        summary=counts,
        judged=judgement.judged,
        looked_at=looked_at(facts, len(judgement.judged)),
    )


def planned(found: Sequence[Finding], view: View) -> list[Finding]:
    """The findings with their plans, and what crashed on the way.

    Fixes are loaded for what is to be fixed: a healthy patient pays nothing for them.
    """
    fixes, broken = all_fixes() if found else ([], [])
    planner = Planner(fixes, view)
    findings = [
        replace(with_fixes(f, view, planner), no_plan=no_plan(f, planner))
        for f in [*broken, *found]
    ]
    return [*planner.crashed(), *findings]


def with_fixes(finding: Finding, view: View, planner: Planner) -> Finding:
    """The finding and its consequences, each with what would remedy it."""
    return replace(
        finding,
        fixes=[summary(plan, view.facts, view.targets) for plan in planner.plans(finding)],
        consequences=[with_fixes(c, view, planner) for c in finding.consequences],
    )


_LOADS = ("SYM402", "SYM403", "SYM405")  # as errors about torch: it does not load


def _of_torch(finding: Finding) -> bool:
    own = finding.subject == "torch" and finding.code in _LOADS
    return (own and finding.severity is Severity.error) or any(map(_of_torch, finding.consequences))


def patient_summary(facts: Facts, findings: Sequence[Finding] = ()) -> PatientSummary:
    """The header line's content."""
    python, torch = facts.python, facts.torch
    label = None
    if torch:
        broken = bool(torch.missing) or any(map(_of_torch, findings))
        label = f"torch {torch.version or '?'}{' (broken)' if broken else ''}"
    return PatientSummary(
        python=python.version if python else None,
        executable=python.executable if python else None,
        prefix=python.prefix if python else None,
        kind=python.kind if python else None,
        torch=label,
        platform=f"{facts.host.os} {facts.host.machine}",
        project=facts.project.root if facts.project else None,
        chosen=python.chosen if python else None,
    )

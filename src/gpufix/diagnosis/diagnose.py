"""From facts to a diagnosis: targets, checks, plans, verdict, and what fails a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import field, replace
from typing import Literal

import gpufix
from gpufix.checks.judge import INTERNAL_CODES, Selection, judge
from gpufix.diagnosis.looked_at import looked_at
from gpufix.diagnosis.unjudged import unjudged
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
    Gap,
    Node,
    NodeGpu,
    PatientSummary,
    PciGpu,
    Severity,
    Summary,
    Target,
)
from gpufix.plugins import all_fixes, all_rules
from gpufix.text.clean import counted

Verdict = Literal["clean", "faults", "incomplete", "nothing judged"]


class Request(Frozen):
    """What the user asked of the doctor. `gpus` as typed: "sm_120", "RTX 5080".

    scope: an environment, or the machine itself.
    """

    gpus: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
    scope: Literal["patient", "node"] = "patient"


class Judgement(Frozen):
    """The findings on one view, before they are put into a report."""

    view: View
    findings: list[Finding]
    ignored: int
    judged: tuple[str, ...] = ()


def examine(facts: Facts, request: Request, ask: Questions | None = None) -> Judgement:
    """Judge the facts. Raises GpuNameError and UnknownCode for what the user mistyped."""
    view = View(facts, choose(facts, request.gpus), ask)
    rules, broken = all_rules(facts.project is not None, request.scope)
    chosen = [r for r in request.selection.apply(rules) if r.scope == request.scope]
    findings = [*broken, *judge(view, chosen)]
    judged = tuple(r.code for r in chosen if r.doctor)
    ignored = sum(r.scope == request.scope for r in rules) - len(chosen)
    return Judgement(view, findings, ignored, judged)


def diagnose(facts: Facts, request: Request, ask: Questions | None = None) -> Diagnosis:
    """The whole report of `gpufix doctor`."""
    judgement = examine(facts, request, ask)
    # Fixes are loaded for what is to be fixed: a healthy patient pays nothing for them.
    fixes, broken = all_fixes() if judgement.findings else ([], [])
    planner = Planner(fixes, judgement.view)
    found = [*broken, *judgement.findings]
    findings = [
        replace(with_fixes(f, judgement.view, planner), no_plan=no_plan(f, planner)) for f in found
    ]
    findings = [*planner.crashed(), *findings]
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
        patient=patient_summary(facts),
        targets=list(judgement.view.targets),
        findings=findings,
        gaps=gaps,
        not_judged=not_judged(judgement.view),
        summary=counts,
        judged=judgement.judged,
        looked_at=looked_at(facts, len(judgement.judged)),
    )


def with_fixes(finding: Finding, view: View, planner: Planner) -> Finding:
    """The finding and its consequences, each with what would remedy it."""
    return replace(
        finding,
        fixes=[summary(plan, view.facts, view.targets) for plan in planner.plans(finding)],
        consequences=[with_fixes(c, view, planner) for c in finding.consequences],
    )


def patient_summary(facts: Facts) -> PatientSummary:
    """The header line's content."""
    python, torch = facts.python, facts.torch
    label = None
    if facts.node is not None and python is None:
        return PatientSummary(
            platform=f"{facts.host.os} {facts.host.machine}", node=node_summary(facts, facts.node)
        )
    if torch:
        label = f"torch {torch.version or '?'}" + (" (broken)" if torch.state == "broken" else "")
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


def node_summary(facts: Facts, node: Node) -> str:
    """ "8 × NVIDIA H200, driver 570.86.15, 9 RDMA ports"."""
    names = Counter(_model(gpu) for gpu in node.gpus or node.pci or ())
    parts = [f"{number} × {name}" for name, number in names.items()] or ["no GPU"]
    parts += [
        f"driver {d.kernel_version or d.version}"
        for d in facts.drivers
        if d.kernel_version or d.version
    ]
    ports = facts.network.infiniband if facts.network else None
    parts += [counted(len(ports), "RDMA port")] if ports else []
    return ", ".join(parts)


def _model(gpu: NodeGpu | PciGpu) -> str:
    return (gpu.name if isinstance(gpu, NodeGpu) else None) or f"GPU of {gpu.vendor}"


def summarised(
    findings: Sequence[Finding],
    gaps: Sequence[Gap],
    targets: Sequence[Target],
    ignored: int,
    accepted: int = 0,
    why_unjudged: str | None = None,
) -> Summary:
    """The counts and the verdict; `accepted` findings are not among `findings`."""
    counts = {s: sum(f.severity is s for f in findings) for s in Severity}
    serious = counts[Severity.error] + counts[Severity.warning]
    unseen: Verdict = "nothing judged" if why_unjudged else "incomplete" if gaps else "clean"
    return Summary(
        verdict="faults" if serious else unseen,
        unjudged=why_unjudged,
        error=counts[Severity.error],
        warning=counts[Severity.warning],
        advice=counts[Severity.advice],
        ignored=ignored,
        accepted=accepted,
        no_target=not targets,
    )


FINDINGS, INTERNAL = 1, 3


class Gate(Frozen):
    """`least`: the least severity that fails, None = none does. `strict`: gaps fail too, and so does
    having nothing to judge."""

    least: Severity | None = Severity.error
    strict: bool = False

    def fails(self, finding: Finding) -> bool:
        """Whether this finding alone makes the exit code other than 0."""
        if finding.code in INTERNAL_CODES:
            return True
        return self.least is not None and finding.severity.rank >= self.least.rank

    def exit_code(self, diagnosis: Diagnosis) -> int:
        """The designed exit code of a completed report: 0, 1 or 3."""
        if any(f.code in INTERNAL_CODES for f in diagnosis.findings):
            return INTERNAL
        if self.strict and (diagnosis.gaps or diagnosis.summary.unjudged):
            return FINDINGS
        return FINDINGS if any(map(self.fails, diagnosis.findings)) else 0

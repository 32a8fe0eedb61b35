"""Findings as articles, and the plan step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.model import (
    Diagnosis,
    Evidence,
    Finding,
    Held,
    Plan,
    PlanSummary,
    Proposal,
    Severity,
    StepPreview,
)
from gpufix.report.html.markup import Markup, joined, tag
from gpufix.text.clean import located
from gpufix.text.site import rule_page

SIGNS = {Severity.error: "✗", Severity.warning: "!", Severity.advice: "i"}


def findings(diagnosis: Diagnosis) -> Markup:
    """All of them, in the report's order."""
    if not diagnosis.findings:
        return tag("p", "No rule found anything.", class_="note")
    return joined(_article(finding) for finding in diagnosis.findings)


def _article(finding: Finding) -> Markup:
    return tag(
        "article",
        _title(finding),
        tag("p", finding.message, class_="message"),
        _consequences(finding.consequences),
        _evidence(finding.evidence),
        [_fix(fix) for fix in finding.fixes],
        _without(finding),
        class_=finding.severity.value,
    )


def _title(finding: Finding) -> Markup:
    sign = tag("span", f"{SIGNS[finding.severity]} ", aria_hidden="true")
    return tag(
        "h3",
        tag("span", sign, finding.severity.value, class_="label"),
        " ",
        _code(finding.code),
        " ",
        tag("span", f"{finding.name} · ", class_="name"),
        tag("span", finding.subject, class_="subject"),
    )


def _consequences(below: Sequence[Finding]) -> Markup | None:
    return joined(tag("p", "It follows:", class_="note"), _below(below)) if below else None


def _below(found: Sequence[Finding]) -> Markup | None:
    if not found:
        return None
    items = [
        tag("li", tag("strong", f"{c.code} "), f"{c.subject}: {c.message}", _below(c.consequences))
        for c in found
    ]
    return tag("ul", items, class_="consequences")


def _without(finding: Finding) -> Markup | None:
    return tag("p", f"No plan: {finding.no_plan}", class_="note") if finding.no_plan else None


def _code(code: str) -> Markup:
    """A rule's code, with a link to its page where the documentation is published."""
    page = rule_page(code)
    return tag("a", code, href=page) if page else tag("span", code)


def _evidence(evidence: Sequence[Evidence]) -> Markup | None:
    if not evidence:
        return None
    items = [
        tag("li", tag("code", located(item)) if item.path else None, item.text) for item in evidence
    ]
    return tag(
        "details",
        tag("summary", f"Evidence ({len(evidence)})"),
        tag("ul", items, class_="evidence"),
    )


def _fix(fix: PlanSummary) -> Markup:
    command = tag("pre", tag("code", fix.command)) if fix.command else None
    words = tag("span", f"Fix, {fix.safety}", class_="label")
    return tag("div", tag("p", words, f": {fix.title}"), command, class_=f"fix {fix.safety}")


_DIFF = {"+": "add", "-": "del", "@": "at"}


def plan(proposal: Proposal | None) -> Markup | None:
    """None where there is nothing to do, nothing was held back and nothing failed."""
    if proposal is None or not (proposal.plans or proposal.held or proposal.failures):
        return None
    return joined(
        _plans(proposal.plans),
        _steps(proposal),
        _held(proposal.held),
        [tag("p", f"{f.code} {f.name}: {f.message}", class_="note") for f in proposal.failures],
    )


def _plans(plans: Sequence[Plan]) -> Markup | None:
    if not plans:
        return None
    command = tag("p", "Applied by ", tag("code", "gpufix fix --apply"), ", undone by ",
                  tag("code", "gpufix undo"), ".", class_="note")  # fmt: skip
    items = [
        tag("li", tag("span", p.safety, class_="label"), f" {', '.join(p.codes)}: {p.title}",
            [tag("div", note, class_="note") for note in p.notes], class_=p.safety)
        for p in plans
    ]  # fmt: skip
    return joined(command, tag("ol", items, class_="consequences"))


def _steps(proposal: Proposal) -> Markup | None:
    refused = proposal.refused
    why = tag("p", tag("strong", "Cannot be applied: "), refused) if refused else None
    return joined([_step(step) for step in proposal.steps], why)


def _step(step: StepPreview) -> Markup:
    lines = "\n".join(step.commands)
    commands = tag("pre", tag("code", lines)) if lines else None
    downloads = ", ".join(step.downloads)
    body = (
        tag("p", step.title),
        commands,
        tag("pre", tag("code", _diff(step.diff)), class_="diff", tabindex="0")
        if step.diff
        else None,
        tag("p", f"downloads {downloads}", class_="note") if downloads else None,
    )
    return tag("article", body)


def _diff(diff: str) -> Markup:
    return joined(_lines(diff))


def _lines(diff: str) -> Iterator[str | Markup]:
    for line in diff.splitlines():
        kind = _DIFF.get(line[:1])
        yield tag("span", line, class_=kind) if kind else line
        yield "\n"


def _held(held: Sequence[Held]) -> Markup | None:
    if not held:
        return None
    items = [
        tag("li", tag("span", h.plan.safety, class_="label"), f" {', '.join(h.plan.codes)}: "
            f"{h.plan.title} ({h.reason})", class_=h.plan.safety)
        for h in held
    ]  # fmt: skip
    return joined(
        tag("p", "Not done by itself:", class_="note"), tag("ul", items, class_="consequences")
    )

"""One article a finding: what is wrong, on what it rests, what follows, what would mend it."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.model import Diagnosis, Evidence, Finding, PlanSummary, Severity
from gpufix.report.html.markup import Markup, joined, tag
from gpufix.report.plain import located

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
        _evidence(finding.evidence, shown=finding.severity is Severity.error),
        [_fix(fix) for fix in finding.fixes],
        class_=finding.severity.value,
    )


def _title(finding: Finding) -> Markup:
    sign = tag("span", f"{SIGNS[finding.severity]} ", aria_hidden="true")
    return tag(
        "h3",
        tag("span", sign, finding.severity.value, class_="label"),
        f" {finding.code} ",
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


def _evidence(evidence: Sequence[Evidence], shown: bool) -> Markup | None:
    if not evidence:
        return None
    items = [
        tag("li", tag("code", located(item)) if item.path else None, item.text) for item in evidence
    ]
    return tag(
        "details",
        tag("summary", f"Evidence ({len(evidence)})"),
        tag("ul", items, class_="evidence"),
        open=shown and len(evidence) <= 8,
    )


def _fix(fix: PlanSummary) -> Markup:
    command = tag("pre", tag("code", fix.command)) if fix.command else None
    words = tag("span", f"Fix, {fix.safety}", class_="label")
    return tag("div", tag("p", words, f": {fix.title}"), command, class_=f"fix {fix.safety}")

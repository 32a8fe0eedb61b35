"""Why no plan repairs a finding: what its fixes say, or that none knows a remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.fixes.planner import Planner
from gpufix.model import Finding, Plan, Severity, Skip


def no_plan(finding: Finding, planner: Planner) -> str | None:
    """None for what is no error, and where a plan is there for it or for what follows from it."""
    if finding.severity is not Severity.error:
        return None
    offered = list(_offered(finding, planner))
    if any(isinstance(offer, Plan) for offer in offered):
        return None
    reasons = dict.fromkeys(offer.reason for offer in offered if isinstance(offer, Skip))
    return "; ".join(reasons) or _unknown(finding)


def _offered(finding: Finding, planner: Planner) -> Iterator[Plan | Skip]:
    yield from planner.offers(finding)
    for below in finding.consequences:
        yield from _offered(below, planner)


def _unknown(finding: Finding) -> str:
    return f"no remedy is known here; `gpufix explain {finding.code}` says what is to be known"


def unmended(findings: Sequence[Finding], planned: set[object]) -> list[Finding]:
    """The errors for which, and for what follows from which, nothing is planned."""
    return [f for f in unplanned(findings, planned) if f.severity is Severity.error]


def unplanned(findings: Sequence[Finding], planned: set[object]) -> list[Finding]:
    """The findings for which, and for what follows from which, nothing is planned."""
    return [f for f in findings if planned.isdisjoint(_keys(f))]


def _keys(finding: Finding) -> Iterator[object]:
    yield finding.key
    for below in finding.consequences:
        yield from _keys(below)

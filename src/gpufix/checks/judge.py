"""Runs the rules on a view, and arranges findings so that each cause is told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpufix.checks.doc001_check_crashed import crashed
from gpufix.checks.registry import Rule
from gpufix.model import Finding
from gpufix.view import View


def judge(view: View, rules: Iterable[Rule]) -> list[Finding]:
    """Primary findings, worst first, each with its consequences attached."""
    return attach([finding for rule in rules for finding in findings_of(rule, view)])


def findings_of(rule: Rule, view: View) -> list[Finding]:
    """What one rule finds; DOC001 when its check crashes."""
    try:
        return rule.findings(view)
    except Exception as error:
        return [crashed(rule, error)]


def attach(findings: Sequence[Finding]) -> list[Finding]:
    """Nest each finding that needs a resource under the one that breaks it."""
    parents = _parents(findings)
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)

    def grown(index: int) -> Finding:
        below = sorted((grown(c) for c in children.get(index, [])), key=_order)
        own = findings[index]
        worst = max([own, *below], key=lambda f: f.severity.rank).severity
        return own.model_copy(update={"consequences": below, "severity": worst})

    roots = [grown(i) for i in range(len(findings)) if i not in parents]
    return sorted(roots, key=_order)


def _parents(findings: Sequence[Finding]) -> dict[int, int]:
    """child index → parent index, without cycles."""
    breakers: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        for resource in finding.breaks:
            breakers.setdefault(resource, []).append(index)
    parents: dict[int, int] = {}
    for child, finding in enumerate(findings):
        # `needs` is ordered: the nearest cause stands first.
        candidates = [p for need in finding.needs for p in breakers.get(need, ())]
        for parent in candidates:
            if not _descends(parent, child, parents):
                parents[child] = parent
                break
    return parents


def _descends(index: int, ancestor: int, parents: dict[int, int]) -> bool:
    """Whether `index` is `ancestor` or lies below it."""
    current: int | None = index
    while current is not None:
        if current == ancestor:
            return True
        current = parents.get(current)
    return False


def _order(finding: Finding) -> tuple[int, str, str]:
    return (-finding.severity.rank, finding.code, finding.subject)

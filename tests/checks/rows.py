"""The rows of a rule: what it is silent on, what it finds, and what is offered for that.

A rule's tests stand in tests/checks/<family>/test_<code>.py, as the rule does below src/gpufix/checks:

    SILENT = {"the healthy twin": b.view(b.healthy())}
    FIRING = {"a CPU build": Fires(b.view(...), Fault(ERROR, ...), offers=["install-torch-build unsafe"])}
    test_silent, test_firing = rows(torch_variant_mismatch, SILENT, FIRING)

A fault is compared whole: severity, subject, message, evidence, breaks, needs and payload.
tests/checks/test_wall.py demands rows for every rule, and that its page promises what they are offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gpufix.checks.judge import attach, run_check
from gpufix.checks.registry import Check, Rule, declared
from gpufix.evidence.view import View
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes
from gpufix.model import Fault, Finding
from gpufix.model.base import to_json

# What a rule is asked about: a view of hand-made facts, or what makes one from files in a folder.
# In what is found, the folder's path is written "/src/project".
Given = View | Callable[[Path], View]
ROOT = "/src/project"
# Of a rule without a check (KRN901): what is found in a given thing.
Finder = Callable[[Any], Sequence[Finding]]


@dataclass(frozen=True)
class Fires:
    """What is found in `given`, and the plans that are offered for it: "fix-name safety".

    `beside`: other rules, whose findings are arranged with the rule's before plans are asked for:
    a cause is as severe as what follows from it, and its plan can be another.
    """

    given: Any
    faults: Fault | Sequence[Fault]
    offers: Sequence[str] = ()
    gaps: Sequence[str] = ()  # the subjects of what the rule could not look at
    beside: Sequence[Check] = ()


@dataclass(frozen=True)
class Unseen:
    """Nothing is found, since something could not be looked at: a gap says so."""

    given: Any
    gaps: Sequence[str]


def rows(
    judge: Check | tuple[Rule, Finder],
    silent: Mapping[str, Any],
    firing: Mapping[str, Fires],
) -> tuple[Callable[..., None], Callable[..., None]]:
    """The tests of a rule's two tables. Without a check: the rule, and how its findings are had.

    A given thing of the latter may have a `view`: what is offered is then asked of that.
    """
    the_rule, find = judge if isinstance(judge, tuple) else (declared(judge), None)

    def found(given: Any, root: Path) -> tuple[list[Finding], View | None]:
        if find is not None:
            asked = given(root) if callable(given) else given
            return list(find(asked)), getattr(asked, "view", None)
        view = given(root) if callable(given) else given
        before = len(view.gaps)
        findings = run_check(the_rule, view)
        del view.gaps[:before]
        return findings, view

    @pytest.mark.parametrize("case", silent)
    def test_silent(case: str, tmp_path: Path) -> None:
        row = silent[case]
        gaps = row.gaps if isinstance(row, Unseen) else ()
        findings, view = found(row.given if isinstance(row, Unseen) else row, tmp_path)
        assert [plain(f, tmp_path) for f in findings] == []
        assert subjects(view, tmp_path) == sorted(gaps)

    @pytest.mark.parametrize("case", firing)
    def test_firing(case: str, tmp_path: Path) -> None:
        row = firing[case]
        faults = [row.faults] if isinstance(row.faults, Fault) else list(row.faults)
        findings, view = found(row.given, tmp_path)
        wanted = [the_rule.finding(fault) for fault in faults]
        bare = [replace(f, fixes=[]) for f in findings]
        assert [plain(f, tmp_path) for f in bare] == [plain(f, tmp_path) for f in wanted]
        assert subjects(view, tmp_path) == sorted(row.gaps)
        assert sorted(offered(the_rule, findings, view, row.beside)) == sorted(row.offers)

    return test_silent, test_firing


def calling(rule: Rule) -> tuple[Rule, Finder]:
    """Of a rule without a check whose rows are calls: (function, arguments …)."""

    def find(call: Sequence[Any]) -> Sequence[Finding]:
        function, *arguments = call
        made = function(*arguments)
        findings = [made] if isinstance(made, Finding) else made
        return [finding for finding in findings if finding.code == rule.code]

    return rule, find


def offered(
    rule: Rule, findings: Sequence[Finding], view: View | None, beside: Sequence[Check]
) -> set[str]:
    """The plans for what was found: the planner's; without a view, those that a finding brings."""
    if view is None:
        return {f"{s.fix} {s.safety}" for f in findings for s in f.fixes if s.fix}
    planner = Planner(builtin_fixes(), view)
    others = [f for check in beside for f in run_check(declared(check), view)]
    asked = [f for f in every(attach([*findings, *others])) if f.code == rule.code]
    plans = [plan for finding in asked for plan in planner.plans(finding)]
    assert planner.crashed() == []
    return {f"{plan.fix} {plan.safety}" for plan in plans}


def every(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Causes and what follows from them."""
    for finding in findings:
        yield finding
        yield from every(finding.consequences)


def subjects(view: View | None, root: Path) -> list[str]:
    """What the rule could not look at."""
    return sorted(g.subject.replace(str(root), ROOT) for g in view.gaps) if view else []


def plain(value: Any, root: Path) -> Any:
    """A record with all of its fields, as text and tables: where they differ, pytest shows it."""
    if isinstance(value, str):
        return str(to_json(value)).replace(str(root), ROOT)
    if is_dataclass(value):
        named = {f.name: plain(getattr(value, f.name), root) for f in fields(value)}
        return {"kind": type(value).__name__, **named}
    if isinstance(value, Mapping):
        return {plain(k, root): plain(v, root) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, root) for item in value]
    return str(value) if isinstance(value, Path) else value

"""Runs the selected rules over a view, and arranges what they find."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gpufix.checks.doctor.doc001_check_crashed import crashed
from gpufix.checks.registry import Rule, Scope
from gpufix.evidence.view import Judged, View
from gpufix.frozen import Frozen
from gpufix.model import Finding, Gap

# A check or fix that crashed, a plugin that does not load: not all was judged and planned, so nothing
# can pass.
INTERNAL_CODES = frozenset({"DOC001", "DOC002", "DOC003"})


def judge(view: View, rules: Iterable[Rule]) -> list[Finding]:
    """Primary findings, worst first, each with its consequences attached."""
    return attach([finding for rule in rules for finding in findings_of(rule, view)])


def findings_of(rule: Rule, view: View) -> list[Finding]:
    """What one rule finds; DOC001 when its check crashes."""
    try:
        return run_check(rule, view)
    except Exception as error:
        return [crashed(rule, error)]


def run_check(rule: Rule, view: View) -> list[Finding]:
    """What one rule finds; what it could not look at is among the view's gaps. Raises as it does."""
    findings, asked = view.asking(lambda: _checked(rule, view))
    view.judged[rule.code] = Judged(tuple(findings), asked)
    return findings


def _checked(rule: Rule, view: View) -> list[Finding]:
    findings: list[Finding] = []
    for found in rule.check(view) if rule.check else ():
        if isinstance(found, Gap):
            view.gaps.append(rule.valid(found))
        else:
            findings.append(rule.finding(found))
    return findings


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
        return replace(own, consequences=below, severity=worst)

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


# What keeps code from loading comes before what keeps it from running or from being built.
_FIRST = ("DOC", "WHL", "SYM", "ABI", "GPU", "TCH", "SRC", "JIT", "RUN")


def _order(finding: Finding) -> tuple[int, bool, int, str, str]:
    """Worst first; of one severity what makes torch unusable, then by what it keeps from working."""
    family = finding.code[:3]
    place = _FIRST.index(family) if family in _FIRST else len(_FIRST)
    return (
        -finding.severity.rank,
        "torch" not in finding.breaks,
        place,
        finding.code,
        finding.subject,
    )


class UnknownCode(ValueError):
    """A selector that matches no rule."""

    def __init__(self, selector: str, codes: Sequence[str]):
        import difflib

        near = difflib.get_close_matches(selector.upper(), codes, n=3, cutoff=0.65)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `gpufix rules` lists them"
        super().__init__(f"no rule has the code {selector!r}{hint}")


class Selection(Frozen):
    """Selectors as given: "TCH201", "TCH2", "TCH" or a rule's name. Empty `select` = all."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def apply(self, rules: Sequence[Rule]) -> list[Rule]:
        """The rules to run. Raises UnknownCode for a selector that matches none."""
        chosen = _matching(self.select, rules) if self.select else {r.code for r in rules}
        dropped = _matching(self.ignore, rules)
        return [r for r in rules if r.code in chosen - dropped]

    def within(self, rules: Sequence[Rule], scope: Scope) -> tuple[list[Rule], int]:
        """The rules of a scope to run, and how many of it are left out. Raises UnknownCode."""
        chosen = [rule for rule in self.apply(rules) if rule.scope == scope]
        return chosen, sum(rule.scope == scope for rule in rules) - len(chosen)


def _matching(selectors: Sequence[str], rules: Sequence[Rule]) -> set[str]:
    matched: set[str] = set()
    for selector in selectors:
        wanted = selector.strip()
        hits = {r.code for r in rules if _matches(wanted, r)}
        if not hits:
            raise UnknownCode(selector, [r.code for r in rules])
        matched |= hits
    return matched


def _matches(wanted: str, rule: Rule) -> bool:
    return bool(wanted) and (rule.code.startswith(wanted.upper()) or rule.name == wanted.lower())

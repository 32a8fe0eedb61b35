"""The findings before against the findings after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gpufix.model import Finding, Plan, Severity

Key = tuple[str, str]
# It comes and goes with other people's processes, whatever is done here.
_VOLATILE = ("RUN803",)


@dataclass(frozen=True)
class Comparison:
    """`failed`: findings that a plan was to remove and that are still there."""

    fixed: list[Finding]
    remaining: list[Finding]
    introduced: list[Finding]
    revealed: list[Finding]
    failed: list[Finding]

    @property
    def reason(self) -> str | None:
        """Why the run must be undone, if so. New advice alone is told, and no reason."""
        if self.failed:
            return f"{_named(self.failed)} is still there"
        bad = [f for f in self.introduced if f.severity is not Severity.advice]
        return f"{_named(bad)} is new" if bad else None


def compare(
    before: Sequence[Finding], after: Sequence[Finding], plans: Sequence[Plan]
) -> Comparison:
    """Tell findings apart by code and subject, causes and consequences alike."""
    old, new = dict(_flat(before)), dict(_flat(after))
    planned = {(code, subject) for plan in plans for code, subject in targets(plan, old)}
    fixed = [f for key, f in old.items() if key not in new]
    came = [f for key, f in new.items() if key not in old]
    hidden = [f for f in came if _was_hidden(f, fixed)]
    return Comparison(
        fixed=fixed,
        remaining=[f for key, f in new.items() if key in old],
        introduced=[f for f in came if f not in hidden and f.code not in _VOLATILE],
        revealed=hidden,
        failed=[f for key, f in new.items() if key in planned],
    )


def targets(plan: Plan, findings: dict[Key, Finding]) -> Iterator[Key]:
    """The findings that a plan is for."""
    given = plan.data.get("finding")
    if given is not None and tuple(given) in findings:
        yield (str(given[0]), str(given[1]))


def _flat(findings: Iterable[Finding]) -> Iterator[tuple[Key, Finding]]:
    for finding in findings:
        yield (finding.code, finding.subject), finding.model_copy(update={"consequences": []})
        yield from _flat(finding.consequences)


def _was_hidden(finding: Finding, fixed: Iterable[Finding]) -> bool:
    """Whether what has been fixed had kept this from being seen: it broke what this one rests on."""
    broken = {resource for f in fixed for resource in f.breaks}
    trees = [r.removeprefix("tree:") for r in broken if r.startswith("tree:")]
    return (
        bool(broken & set(finding.needs))
        or any(_about_broken_torch(f, finding) for f in fixed)
        or any(_in_tree(tree, finding) for tree in trees)
    )


def _in_tree(folder: str, finding: Finding) -> bool:
    """About sources that were not there before, or about the build of what they are part of."""
    return finding.code.startswith("TCH") or any(
        f"/{folder}/" in f"/{place}" for place in (finding.subject, *_paths(finding))
    )


def _paths(finding: Finding) -> Iterator[str]:
    return (evidence.path for evidence in finding.evidence if evidence.path)


def _about_broken_torch(fixed: Finding, finding: Finding) -> bool:
    """Most is judged only against a torch that can be read: mending it lifts the curtain."""
    about_torch = (
        finding.code[:3] in ("GPU", "TCH", "ABI", "SYM", "KRN") or finding.subject == "torch"
    )
    return "torch" in fixed.breaks and about_torch


def _named(findings: Sequence[Finding]) -> str:
    named = ", ".join(f"{f.code} ({f.subject})" for f in findings[:3])
    return f"{named} and {len(findings) - 3} more" if len(findings) > 3 else named

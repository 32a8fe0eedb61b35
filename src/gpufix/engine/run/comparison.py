"""The findings before against the findings after, and what is left for the user to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from gpufix.evidence.requirements import parse
from gpufix.frozen import Frozen
from gpufix.model import (
    Finding,
    FindingKey,
    Install,
    Plan,
    SetVariables,
    Severity,
    Step,
)
from gpufix.text.names import normalise

_NAMES = re.compile(r" [×/] ")  # between the distributions that a finding is about

# It comes and goes with other people's processes, whatever is done here.
_VOLATILE = ("RUN803",)


class Comparison(Frozen):
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
        return f"{_named(self.harm)} is new" if self.harm else None

    @property
    def harm(self) -> list[Finding]:
        """What was introduced, and is more than advice."""
        return [f for f in self.introduced if f.severity is not Severity.advice]


def compare(
    before: Sequence[Finding],
    after: Sequence[Finding],
    plans: Sequence[Plan],
    built: Collection[str] = (),
) -> Comparison:
    """Tell findings apart by code and subject, causes and consequences alike.

    built: distributions that the plans have built of the project. What these require and lack could
    not be seen before, and is no harm.
    """
    old, new = dict(_flat(before)), dict(_flat(after))
    planned = {plan.finding for plan in plans} & old.keys()
    fixed = [f for key, f in old.items() if key not in new]
    came = [f for key, f in new.items() if key not in old]
    hidden = [f for f in came if _was_hidden(f, fixed) or _is_required_by(built, f)]
    return Comparison(
        fixed=fixed,
        remaining=[f for key, f in new.items() if key in old],
        introduced=[f for f in came if f not in hidden and f.code not in _VOLATILE],
        revealed=hidden,
        failed=[f for key, f in new.items() if key in planned],
    )


def _flat(findings: Iterable[Finding]) -> Iterator[tuple[FindingKey, Finding]]:
    for finding in findings:
        yield finding.key, replace(finding, consequences=[])
        yield from _flat(finding.consequences)


def flat(findings: Iterable[Finding]) -> list[Finding]:
    """Causes and consequences alike, each for itself."""
    return [finding for _, finding in _flat(findings)]


def harmful(plans: Sequence[Plan], harm: Sequence[Finding]) -> list[Plan]:
    """The plans that brought it: the only one, else those that move what it is about."""
    if len(plans) < 2:
        return list(plans) if harm else []
    about = {normalise(name) for f in harm for name in _NAMES.split(f.subject)}
    return [plan for plan in plans if about & {*map(normalise, plan.subjects), *_moved(plan)}]


def _moved(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        if isinstance(step, Install):
            yield from step.uninstall
            yield from (normalise(r.name) for text in step.install if (r := parse(text)))


def _was_hidden(finding: Finding, fixed: Iterable[Finding]) -> bool:
    """Whether what has been fixed had kept this from being seen: it broke what this one rests on."""
    broken = {resource for f in fixed for resource in f.breaks}
    trees = [r.removeprefix("tree:") for r in broken if r.startswith("tree:")]
    return (
        bool(broken & set(finding.needs))
        or any(_about_broken_torch(f, finding) for f in fixed)
        or any(_in_tree(tree, finding) for tree in trees)
    )


def _is_required_by(built: Collection[str], finding: Finding) -> bool:
    return finding.code == "WHL506" and normalise(finding.subject) in built


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


def next_steps(steps: Sequence[Step], revealed: Sequence[Finding]) -> Iterator[str]:
    """Notes for the outcome."""
    if revealed:
        yield "what is visible only now, and has no plan, is for you to do"
    if any(isinstance(step, SetVariables) for step in steps):
        yield 'the variables are in the environment file: `gpufix run -- CMD`, `eval "$(gpufix env)"`'

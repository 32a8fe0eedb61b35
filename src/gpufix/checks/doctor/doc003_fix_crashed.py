"""DOC003."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.checks.registry import ERROR, Fault, page
from gpufix.frozen import Frozen
from gpufix.model import Evidence, Finding

_WAYS, _SUBJECTS = 5, 10


DOC003 = page(
    "DOC003",
    "fix-crashed",
    """\
A fix crashed, or returned what is no plan.

## What it does
Stands in the report for a fix, gpufix's own or a plugin's, that raised an exception while it was
planning, or returned something else than a `Plan`, a `Skip` or `None`, or a plan that is not
valid. One finding a fix, however many findings it was asked about. The report is complete, the
plans of all other fixes stand in it, and `gpufix fix --apply` applies them.

## Why it matters
The findings that it was asked about are shown without its plan: there may be a remedy. The exit
code is 3, whatever `--fail-on` says; `--ignore` and a baseline do not silence it.

## Example
`The fix tidy-up (company_fixes) crashed while planning for WHL503 (50 findings): KeyError('wheel')
at /home/me/tools/lib/python3.12/site-packages/company_fixes.py:31. It offers no plan for them.`

## Severity
Error.

## Fix
None. Report it, with the traceback that stands below it, to whoever made the fix.

## Source
The exception, or what the fix returned.
""",
)


class Crash(Frozen):
    """One failure of a fix: the finding that it was planning for, what it said, and where."""

    fix: str
    module: str
    code: str
    subject: str
    reason: str
    place: tuple[str, int] | None
    trace: Sequence[str] = ()


def crashed(crashes: Sequence[Crash]) -> Finding:
    """All failures of one fix, at least one."""
    first = crashes[0]
    ways = list(dict.fromkeys((c.reason, c.place) for c in crashes))
    others = len(ways) - 1
    also = f" (and in {others} other way{'s' if others > 1 else ''})" if others else ""
    they = "them" if len(crashes) > 1 else "it"
    message = (
        f"The fix {first.fix} ({first.module}) crashed while planning for {_planned(crashes)}: "
        f"{_way(*ways[0])}{also}. It offers no plan for {they}."
    )
    evidence = [_located(*way) for way in ways[:_WAYS]]
    evidence += [Evidence(text=f"planning for {c.code} {c.subject}") for c in crashes[:_SUBJECTS]]
    if len(crashes) > _SUBJECTS:
        evidence.append(Evidence(text=f"… and for {len(crashes) - _SUBJECTS} more"))
    evidence += [Evidence(text=line) for line in first.trace]
    return DOC003.finding(Fault(ERROR, first.fix, message, tuple(evidence)))


def _planned(crashes: Sequence[Crash]) -> str:
    """ "SRC601 (setup.py), WHL503 (50 findings)"."""
    subjects: dict[str, list[str]] = {}
    for crash in crashes:
        subjects.setdefault(crash.code, []).append(crash.subject)
    rows = [
        f"{code} ({row[0] if len(row) == 1 else f'{len(row)} findings'})"
        for code, row in subjects.items()
    ]
    more = f" and {len(rows) - _WAYS} more rules" if len(rows) > _WAYS else ""
    return ", ".join(rows[:_WAYS]) + more


def _way(reason: str, place: tuple[str, int] | None) -> str:
    return f"{reason} at {place[0]}:{place[1]}" if place else reason


def _located(reason: str, place: tuple[str, int] | None) -> Evidence:
    path, line = place or (None, None)
    return Evidence(text=reason, path=path, line=line)

"""An error without a plan says why."""

from __future__ import annotations

from collections.abc import Sequence

import builders as b
import pytest

from gpufix.fixes.no_plan import no_plan, unmended
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import Fix
from gpufix.model import ERROR, WARNING, Finding, Install, Plan, Severity, Skip


def finding(code: str = "SYM402", severity: Severity = ERROR, *below: Finding) -> Finding:
    return Finding(
        code=code,
        name="n",
        severity=severity,
        subject=code.lower(),
        message="m",
        consequences=list(below),
    )


def answering(answers: dict[str, Sequence[str | None]]) -> Planner:
    """For each code what its fixes say: a reason, a plan ("plan"), or nothing."""

    def plan(code: str, said: str | None) -> Fix:
        def of(found: Finding, view: object) -> Plan | Skip | None:
            if said == "plan":
                steps = [Install(install=["a==1"])]
                return Plan(fix="f", codes=[code], title="t", safety="safe", steps=list(steps))
            return Skip(fix="f", code=code, subject="s", reason=said) if said else None

        return Fix(f"{code}-{said}", (code,), of, "")

    return Planner([plan(c, s) for c, row in answers.items() for s in row], b.view(b.facts()))


BELOW = finding("SYM403")
REASONS: dict[str, tuple[Finding, dict[str, Sequence[str | None]], str | None]] = {
    "a plan": (finding(), {"SYM402": ["plan", "not now"]}, None),
    "a plan for what follows": (finding("SYM402", ERROR, BELOW), {"SYM403": ["plan"]}, None),
    "no error": (finding(severity=WARNING), {"SYM402": ["not now"]}, None),
    "what its fixes say, each once": (
        finding(),
        {"SYM402": ["its source is gone", "no release is known", "its source is gone", None]},
        "its source is gone; no release is known",
    ),
    "what those say that repair what follows": (
        finding("SYM402", ERROR, BELOW),
        {"SYM402": [None], "SYM403": ["no wheel has it"]},
        "no wheel has it",
    ),
    "no fix at all": (
        finding(),
        {},
        "no remedy is known here; `gpufix explain SYM402` says what is to be known",
    ),
}


@pytest.mark.parametrize("case", REASONS)
def test_why_there_is_no_plan(case: str) -> None:
    found, answers, reason = REASONS[case]
    assert no_plan(found, answering(answers)) == reason


def test_an_error_stands_unless_something_is_planned_for_it_or_below_it() -> None:
    cause, alone = finding("WHL506", ERROR, BELOW), finding("ABI301")
    rows = [cause, alone, finding("WHL502", WARNING)]
    assert unmended(rows, set()) == [cause, alone]
    assert unmended(rows, {BELOW.key}) == [alone]
    assert unmended(rows, {cause.key, alone.key}) == []

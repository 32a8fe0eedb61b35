"""What of an outcome still asks for something, by what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

import gpufix
from gpufix.engine.run.repair import left
from gpufix.model import ADVICE, ERROR, Finding, FindingKey, Held, Outcome, Plan, Severity
from gpufix.model.finding import PatientSummary


def finding(code: str, severity: Severity = ERROR) -> Finding:
    return Finding(code=code, name="", severity=severity, subject="a", message="")


def plan(code: str) -> Plan:
    return Plan(
        fix="f", codes=[code], title="", safety="safe", steps=[], finding=FindingKey(code, "a")
    )


def outcome(**told: Any) -> Outcome:
    patient = PatientSummary.__new__(PatientSummary)
    return Outcome(gpufix_version=gpufix.__version__, patient=patient, **{"state": "kept", **told})


ASKED, OTHER = finding("WHL512"), finding("WHL503")
LEFT = {
    "nothing": (outcome(fixed=[ASKED]), []),
    "what nobody asked for": (outcome(fixed=[ASKED], remaining=[OTHER]), []),
    "what was asked for": (outcome(remaining=[OTHER, ASKED]), ["WHL512"]),
    "what was hidden, of another rule": (outcome(revealed=[OTHER]), []),
    "what was hidden": (outcome(revealed=[ASKED]), ["WHL512"]),
    "what a plan brought": (outcome(introduced=[OTHER]), ["WHL503"]),
    "new advice": (outcome(introduced=[finding("WHL503", ADVICE)]), []),
    "advice that nobody planned for": (outcome(remaining=[finding("WHL512", ADVICE)]), []),
    "advice that a plan was for": (
        outcome(plans=[plan("WHL512")], remaining=[finding("WHL512", ADVICE)]),
        ["WHL512"],
    ),
    "what was tried without success": (
        outcome(held=[Held(plan=plan("WHL503"), reason="", tried=True)], remaining=[OTHER]),
        ["WHL503"],
    ),
    "all was restored": (outcome(state="undone", fixed=[ASKED, OTHER]), ["WHL512"]),
}


@pytest.mark.parametrize("case", LEFT)
def test_left(case: str) -> None:
    """`--select WHL512`: other rules judge as well, and their findings are not what was asked for."""
    given, codes = LEFT[case]
    assert [f.code for f in left(given, {"WHL512"})] == codes

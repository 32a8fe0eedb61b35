"""JUnit XML: opens in a standard parser, says what failed, passed and was not looked at."""

from __future__ import annotations

import pytest
from hostile import TEXTS, diagnosis
from hypothesis import given
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from gpufix.diagnosis.verdict import Gate
from gpufix.model import Diagnosis, Evidence, Finding, Gap, PatientSummary, Severity, Summary
from gpufix.report import junit

PATIENT = PatientSummary(prefix="/env", project="/repo")


def cases(made: Diagnosis, gate: Gate | None = None) -> dict[str, TestCase]:
    xml = JUnitXml.fromstring(junit.render(made, gate).encode())
    found = [case for suite in xml for case in suite]
    assert xml.tests == len(found)
    assert xml.failures == sum(isinstance(r, Failure) for c in found for r in c.result)
    assert xml.errors == sum(isinstance(r, Error) for c in found for r in c.result)
    assert xml.skipped == sum(isinstance(r, Skipped) for c in found for r in c.result)
    assert len({(c.classname, c.name) for c in found}) == len(found)
    return {case.name: case for case in found}


def report(*severities: Severity, gaps: bool = False, code: str = "WHL503") -> Diagnosis:
    return Diagnosis(
        gpufix_version="1.2.3",
        patient=PATIENT,
        findings=[
            Finding(
                code=code,
                name="files-missing",
                severity=severity,
                subject=f"/env/lib/python3.11/{severity.value}.so",
                message="gone",
                evidence=[Evidence(text="t", path="/repo/setup.py", line=3)],
            )
            for severity in severities
        ],
        gaps=[Gap(section="gpus", subject="NVML", reason="timed out")] if gaps else [],
        summary=Summary(verdict="faults"),
        judged=("WHL501", "WHL503", "GPU101"),
    )


def test_rules_without_findings_pass() -> None:
    found = cases(report())
    assert set(found) == {
        "GPU101 torch-lacks-target",
        "WHL501 mixed-cuda-majors",
        "WHL503 files-missing",
    }
    assert all(case.is_passed for case in found.values())
    assert found["GPU101 torch-lacks-target"].classname == "gpufix.GPU"


@pytest.mark.parametrize(
    ("least", "failed"),
    [
        (Severity.error, {"error"}),
        (Severity.warning, {"error", "warning"}),
        (Severity.advice, {"error", "warning", "advice"}),
        (None, set()),
    ],
)
def test_what_fails_is_what_the_exit_code_counts(least: Severity | None, failed: set[str]) -> None:
    made = report(*Severity)
    gate = Gate(least)
    found = cases(made, gate)
    named = {name: case for name, case in found.items() if name.startswith("WHL503")}
    assert {n.split("/")[-1][:-3] for n, c in named.items() if not c.is_passed} == failed
    assert set(named) == {
        f"WHL503 files-missing: {{env}}/lib/python/{s.value}.so" for s in Severity
    }
    assert bool(failed) == bool(gate.exit_code(made))
    case = named["WHL503 files-missing: {env}/lib/python/error.so"]
    assert case._elem.get("file") == "setup.py"


def test_gaps_are_skipped_and_fail_a_strict_gate() -> None:
    made = report(gaps=True)
    (lenient,) = cases(made)["gpus: NVML"].result
    (strict,) = cases(made, Gate(strict=True))["gpus: NVML"].result
    assert isinstance(lenient, Skipped)
    assert isinstance(strict, Failure)
    assert lenient.message == "could not look: timed out"
    assert (Gate().exit_code(made), Gate(strict=True).exit_code(made)) == (0, 1)


def test_a_crashed_check_is_an_error_whatever_the_gate() -> None:
    made = report(Severity.error, code="DOC001")
    (case,) = [c for n, c in cases(made, Gate(None)).items() if n.startswith("DOC001")]
    assert isinstance(case.result[0], Error)
    assert Gate(None).exit_code(made) == 3


@given(TEXTS)
def test_hostile_text_stays_text(text: str) -> None:
    found = cases(diagnosis(text))
    assert len(found) == 3  # the finding, the rule that passed, the gap
    assert sum(not case.is_passed and not case.is_skipped for case in found.values()) == 1

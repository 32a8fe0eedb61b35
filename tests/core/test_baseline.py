"""A baseline accepts what was known, and nothing more."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufix.diagnosis import baseline
from gpufix.diagnosis.baseline import Baseline, NotBaseline, load, render
from gpufix.model import Diagnosis, Evidence, Finding, PatientSummary, Severity, Summary
from gpufix.model.base import from_json

HERE, THERE = "/home/a/repo", "/builds/b"


def finding(root: str = HERE, line: int = 3, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "code": "SRC601",
        "name": "hard-coded-arch",
        "severity": Severity.warning,
        "subject": "setup.py",
        "message": "setup.py names sm_70.",
        "evidence": [Evidence(text="code=sm_70", path=f"{root}/setup.py", line=line)],
    }
    return Finding(**(fields | changes))


def report(*findings: Finding, root: str = HERE, judged: tuple[str, ...] = ()) -> Diagnosis:
    return Diagnosis(
        gpufix_version="1",
        patient=PatientSummary(prefix=f"{root}/.venv", project=root),
        findings=list(findings),
        summary=Summary(verdict="faults"),
        judged=judged or tuple({f.code for f in findings} | {"SRC601", "WHL503"}),
    )


def left(known: Diagnosis, now: Diagnosis) -> list[Finding]:
    accepted = from_json(Baseline, json.loads(render(baseline.of(known))))
    return baseline.sort(now, accepted).remaining


LIBRARY = finding(subject=f"{HERE}/.venv/lib/python3.11/site-packages/x.so", evidence=[])
MISSING = [Evidence(text="missing", path=f"{HERE}/.venv/lib/python3.11/{n}") for n in "abc"]


@pytest.mark.parametrize(
    "now",
    [
        finding(),
        finding(line=90),
        finding(message="setup.py names sm_75."),
        finding(severity=Severity.advice),
        finding(evidence=[]),
    ],
)
def test_what_is_known_stays_accepted(now: Finding) -> None:
    assert left(report(finding()), report(now)) == []


def test_another_checkout_and_another_python_know_it_too() -> None:
    there = finding(subject=f"{THERE}/.venv/lib/python3.13/site-packages/x.so", evidence=[])
    now = report(finding(THERE, 7), there, root=THERE)
    assert left(report(finding(), LIBRARY), now) == []


@pytest.mark.parametrize(
    "now",
    [
        finding(code="SRC602"),
        finding(subject="CMakeLists.txt"),
        finding(severity=Severity.error),
        finding(evidence=[Evidence(text="code=sm_60", path=f"{HERE}/setup.py", line=3)]),
        finding(evidence=[Evidence(text="code=sm_70", path=f"{HERE}/other.py", line=3)]),
    ],
)
def test_what_is_new_is_reported(now: Finding) -> None:
    assert left(report(finding()), report(now)) == [now]


def test_some_of_the_places_are_accepted_and_further_ones_are_not() -> None:
    known = report(finding(evidence=MISSING[:2]))
    assert left(known, report(finding(evidence=MISSING[:1]))) == []
    assert left(known, report(finding(evidence=MISSING))) != []


def test_once_more_than_known_is_new_and_the_same_words_are_taken_first() -> None:
    one = finding(message="for sm_90", evidence=[])
    two = finding(message="for sm_120", evidence=[])
    assert left(report(one), report(two, one)) == [two]
    assert left(report(one, two), report(two, one)) == []


def test_a_known_consequence_is_not_stale_and_a_new_cause_is_reported() -> None:
    cause = finding(code="WHL503", subject="torch", evidence=[], consequences=[finding()])
    known = baseline.of(report(finding()))
    sorted_ = baseline.sort(report(cause), known)
    assert sorted_.remaining == [cause]
    assert sorted_.stale == []


def test_what_is_gone_is_stale_only_if_it_was_looked_for() -> None:
    known = baseline.of(report(finding()))
    assert [e.subject for e in baseline.sort(report(), known).stale] == ["setup.py"]
    assert baseline.sort(report(judged=("WHL503",)), known).stale == []


def test_what_gpufix_failed_at_is_never_accepted() -> None:
    crashed = finding(code="DOC001", subject="SRC601")
    assert baseline.of(report(crashed)).accepted == []
    forged = Baseline(
        gpufix_baseline=1,
        accepted=[
            baseline.AcceptedFinding(
                code="DOC001", subject="SRC601", severity=Severity.error, message=""
            )
        ],
    )
    assert baseline.sort(report(crashed), forged).remaining == [crashed]


def test_reasons_outlive_a_rewrite_and_the_text_is_stable() -> None:
    first = baseline.of(report(finding(), LIBRARY))
    told = [replace(e, reason="old card") for e in first.accepted]
    again = baseline.of(report(LIBRARY, finding()), Baseline(gpufix_baseline=1, accepted=told))
    assert {e.reason for e in again.accepted} == {"old card"}
    assert render(baseline.of(report(LIBRARY, finding()))) == render(first)
    assert HERE not in render(first)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a baseline"),
        ("{}", "gpufix_baseline"),
        ('{"gpufix_baseline": 2}', "version 2"),
        ('{"gpufix_baseline": 1, "accepted": [{}]}', "accepted.0.code"),
        ('{"gpufix_baseline": 1, "accepted": 5}', "accepted"),
        ('{"gpufix_baseline": 1, "everything": true}', "everything"),
        ("[" * 100_000, "not a baseline"),
        ('{"gpufix_baseline": 1e999}', "not a baseline"),
        ('"\\ud800"', "not a baseline"),
    ],
)
def test_what_is_no_baseline_is_refused_with_the_place(
    text: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(text)
    with pytest.raises(NotBaseline, match=says):
        load(file)


@given(st.binary(max_size=200))
def test_bytes_are_refused_or_read(raw: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        try:
            load(Path(file.name))
        except NotBaseline:
            return
    assert json.loads(raw)["gpufix_baseline"] == 1


@given(st.text(max_size=30))
def test_any_subject_can_be_accepted(text: str) -> None:
    odd = finding(subject=text, message=text, evidence=[Evidence(text=text, path=text)])
    assert left(report(odd), report(odd)) == []

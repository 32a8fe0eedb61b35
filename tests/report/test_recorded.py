"""Every report of every recorded environment: valid, complete, and acceptable as a baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from junitparser import JUnitXml
from test_markdown import ALLOWED, rendered
from test_sarif import VALIDATOR

from gpufix.diagnosis import baseline
from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.diagnosis.redaction import load
from gpufix.diagnosis.verdict import Gate
from gpufix.model import Diagnosis, Severity
from gpufix.model.base import from_json
from gpufix.report import github, junit, markdown, sarif

CASES = sorted((Path(__file__).parent.parent / "clinic").glob("*/facts.json"))


@pytest.fixture(params=CASES, ids=lambda p: p.parent.name)
def made(request: pytest.FixtureRequest) -> Diagnosis:
    return diagnose(load(request.param), Request(gpus=("sm_120", "sm_75")))


def test_reports(made: Diagnosis) -> None:
    log = json.loads(sarif.render(made))
    VALIDATOR.validate(log)
    results = log["runs"][0]["results"]
    assert [r["ruleId"] for r in results] == [f.code for f in made.findings]
    assert all(r["locations"][0]["physicalLocation"] for r in results)  # else GitHub refuses all

    gate = Gate(Severity.warning)
    cases = JUnitXml.fromstring(junit.render(made, gate).encode())
    assert cases.failures == sum(gate.fails(f) for f in made.findings)
    if made.summary.unjudged is None:
        assert cases.skipped == len(made.gaps)
    else:  # no rule passes that had nothing before it
        assert (cases.skipped, cases.failures) == (cases.tests, 0)

    text = markdown.render(made)
    assert set(rendered(text).tags) <= ALLOWED
    assert text.count("\n### ") == len(made.findings)
    lines = github.render(made).splitlines()
    nothing = made.summary.unjudged is not None
    assert len(lines) == len(made.findings) + len(made.gaps) + nothing + 1


def test_all_of_it_can_be_accepted(made: Diagnosis) -> None:
    known = from_json(baseline.Baseline, json.loads(baseline.render(baseline.of(made))))
    sorted_ = baseline.sort(made, known)
    assert (sorted_.remaining, sorted_.stale) == ([], [])
    assert sorted_.accepted == len(made.findings)
    assert "/opt/clinic" not in baseline.render(known)


def test_there_is_something_to_report() -> None:
    assert len(CASES) >= 8

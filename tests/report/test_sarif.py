"""SARIF: valid by the published schema, located where services accept it, inert, stable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hostile import TEXTS, diagnosis
from hypothesis import given
from jsonschema import Draft4Validator

from gpufix.checks.registry import builtin_rules
from gpufix.model import Diagnosis, Evidence, Finding, Gap, PatientSummary, Severity, Summary
from gpufix.report import sarif

SCHEMA = json.loads((Path(__file__).parent / "schemas/sarif-schema-2.1.0.json").read_text("utf-8"))
VALIDATOR = Draft4Validator(SCHEMA)
PATIENT = PatientSummary(
    executable="/w/repo/.venv/bin/python", prefix="/w/repo/.venv", project="/w/repo/sub"
)


def report(*findings: Finding, **changes: Any) -> Diagnosis:
    fields: dict[str, Any] = {
        "gpufix_version": "1.2.3",
        "patient": PATIENT,
        "findings": findings,
        "summary": Summary(verdict="faults", error=len(findings)),
        "judged": tuple(r.code for r in builtin_rules() if r.doctor),
    }
    return Diagnosis(**(fields | changes))


def finding(*evidence: Evidence, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "code": "SRC601",
        "name": "hard-coded-arch",
        "severity": Severity.warning,
        "subject": "setup.py",
        "message": "setup.py names sm_70.",
        "evidence": evidence,
    }
    return Finding(**(fields | changes))


def run(made: Diagnosis, root: str | None = None, manifest: str | None = None) -> Any:
    text = sarif.render(made, root, manifest)
    assert text.isascii()
    log = json.loads(text)
    VALIDATOR.validate(log)
    return log["runs"][0]


def test_the_validator_refuses_what_is_no_sarif() -> None:
    assert list(VALIDATOR.iter_errors({"version": "2.1.0"}))
    assert list(VALIDATOR.iter_errors({"version": "2.1.0", "runs": [{"tool": {}}]}))


def test_a_clean_report_lists_the_rules_that_ran() -> None:
    made = run(report())
    assert made["results"] == []
    assert made["invocations"] == [{"executionSuccessful": True}]
    rules = {rule["id"]: rule for rule in made["tool"]["driver"]["rules"]}
    assert rules["WHL503"]["name"] == "FilesMissing"
    assert "## Fix" in rules["WHL503"]["help"]["markdown"]
    assert not [code for code in rules if code.startswith("KRN")]  # the doctor never judges them


@pytest.mark.parametrize(
    ("place", "uri", "base", "line"),
    [
        (Evidence(text="t", path="/w/repo/sub/setup.py", line=7), "sub/setup.py", "%SRCROOT%", 7),
        (Evidence(text="t", path="/w/repo/sub/a b#.cu"), "sub/a%20b%23.cu", "%SRCROOT%", None),
        (Evidence(text="t", path="/w/repo/.venv/x.so"), "sub/setup.cfg", "%SRCROOT%", None),
        (Evidence(text="t", path="/etc/ld.so.conf"), "sub/setup.cfg", "%SRCROOT%", None),
        (Evidence(text="t"), "sub/setup.cfg", "%SRCROOT%", None),
    ],
)
def test_a_result_is_located_in_the_repository(
    place: Evidence, uri: str, base: str, line: int | None
) -> None:
    made = run(report(finding(place)), "/w/repo", "/w/repo/sub/setup.cfg")
    (location,) = made["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": uri, "uriBaseId": base}
    assert location["physicalLocation"].get("region", {}).get("startLine") == line
    assert location["logicalLocations"][0]["name"] == "setup.py"
    assert made["originalUriBaseIds"]["%SRCROOT%"]["uri"] == "file:///w/repo/"


def test_without_a_project_the_environment_is_the_place() -> None:
    patient = PatientSummary(executable="/env/bin/python", prefix="/env")
    made = run(report(finding(Evidence(text="t", path="/env/lib/x.so")), patient=patient))
    (result,) = made["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "bin/python", "uriBaseId": "ENVIRONMENT"}
    }
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "lib/x.so"


def test_levels_consequences_and_gaps() -> None:
    below = finding(code="SYM402", name="missing-library", subject="x.so", message="Lacks y.")
    findings = [
        finding(severity=severity, subject=severity.value, consequences=[below])
        for severity in Severity
    ]
    gap = Gap(section="gpus", subject="NVML", reason="timed out")
    made = run(report(*findings, gaps=[gap]))
    assert [r["level"] for r in made["results"]] == ["error", "warning", "note"]
    assert "so: SYM402 x.so: Lacks y." in made["results"][0]["message"]["text"]
    (said,) = made["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"] == "gpus: NVML: timed out"


def test_a_crashed_check_is_no_successful_run() -> None:
    made = run(report(finding(code="DOC001", name="check-crashed")))
    assert made["invocations"][0]["executionSuccessful"] is False
    rules = made["tool"]["driver"]["rules"]
    assert rules[made["results"][0]["ruleIndex"]]["id"] == "DOC001"


def test_fingerprints_outlive_edits_checkouts_and_versions() -> None:
    def prints(root: str, line: int, minor: str, message: str) -> list[str]:
        where = f"{root}/.venv/lib/python{minor}/site-packages/x.so"
        patient = PatientSummary(prefix=f"{root}/.venv", project=root)
        findings = [
            finding(Evidence(text="t", path=f"{root}/setup.py", line=line), message=message),
            finding(subject=where),
            finding(subject=where),
        ]
        results = run(report(*findings, patient=patient))["results"]
        return [r["partialFingerprints"]["gpufixFinding/v1"] for r in results]

    here = prints("/home/a/repo", 3, "3.11", "torch 2.7")
    assert here == prints("/builds/b", 90, "3.13", "torch 2.8")
    assert len(set(here)) == 3


def test_githubs_own_fingerprint_is_left_to_lines_that_it_can_hash() -> None:
    with_line = finding(Evidence(text="t", path="/w/repo/sub/setup.py", line=7))
    results = run(report(with_line, finding()))["results"]
    has = ["primaryLocationLineHash" in r["partialFingerprints"] for r in results]
    assert has == [False, True]


@given(TEXTS)
def test_hostile_text_stays_text(text: str) -> None:
    made = run(diagnosis(text, project="/w/repo"))
    messages = [r["message"]["text"] for r in made["results"]]
    messages += [n["message"]["text"] for n in made["invocations"][0]["toolExecutionNotifications"]]
    for message in messages:
        assert "](" not in message  # no embedded link
        assert "{" not in message.replace("{{", "")  # no placeholder
        assert message.replace("\n", "").isprintable()
    for uri in _uris(made):
        assert urlsplit(uri).scheme in ("", "file")
        unquote(uri, errors="strict" if "%ED" not in uri else "replace")


def _uris(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["uri"]] if isinstance(node.get("uri"), str) else []
        return own + [u for value in node.values() for u in _uris(value)]
    return [u for value in node for u in _uris(value)] if isinstance(node, list) else []

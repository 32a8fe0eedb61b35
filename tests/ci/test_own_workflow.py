"""The project's own workflow: valid, careful, and made of the README's commands."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from projects import ROOT

sys.path.insert(0, str(ROOT / "tools"))

from fresh_roots import bases, readme

SCHEMA = Path(__file__).parent / "schemas" / "github-workflow.json"
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
JOBS = WORKFLOW["jobs"]
SCRIPT = f"sudo tools/{bases.SCRIPT[0]}"


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    return Draft7Validator(json.loads(SCHEMA.read_text("utf-8")))


def test_it_is_valid(validator: Draft7Validator) -> None:
    assert [error.message for error in validator.iter_errors(WORKFLOW)] == []


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "no trigger": lambda w: w.pop("on"),
    "no job": lambda w: w.pop("jobs"),
    "no machine": lambda w: w["jobs"]["test"].pop("runs-on"),
    "a step that does nothing": lambda w: w["jobs"]["full"]["steps"].append({"name": "x"}),
    "a misspelt key": lambda w: w["jobs"]["test"].update({"timeout_minutes": 5}),
    "an unknown event": lambda w: w["on"].update({"pushed": None}),
    "an unknown permission": lambda w: w["permissions"].update({"contents": "all"}),
    "a schedule without cron": lambda w: w["on"].update({"schedule": [{}]}),
    "a matrix of text": lambda w: w["jobs"]["test"]["strategy"].update({"matrix": "3.10"}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_schema_refuses(case: str, validator: Draft7Validator) -> None:
    changed = copy.deepcopy(WORKFLOW)
    BROKEN[case](changed)
    assert list(validator.iter_errors(changed)) != []


def runs(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_it_runs_what_the_readme_says_and_fresh_tries() -> None:
    commands = readme.commands(readme.README.read_text("utf-8"))
    assert [line for line in runs("test") if line != SCRIPT] == commands
    assert runs("full") == [f"{SCRIPT} full", "make full"]
    assert runs("fresh")[1:] == ["sudo make fresh"]
    assert SCRIPT in runs("test")  # before the tests; the doctor needs none of it
    assert runs("test").index(SCRIPT) < runs("test").index(commands[-1])
    assert (ROOT / "tools" / bases.SCRIPT[0]).stat().st_mode & 0o111


def test_ci_run_ends_with_the_readmes_last_command() -> None:
    last = (ROOT / ".ci" / "run").read_text("utf-8").rstrip().splitlines()[-1]
    assert last.split()[-2:] == readme.commands(readme.README.read_text("utf-8"))[-1].split()


def test_every_python_and_both_processors() -> None:
    matrix = JOBS["test"]["strategy"]["matrix"]
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (least,) = re.findall(r'^requires-python = ">=3\.(\d+)"$', project, re.M)
    assert matrix["python"] == [f"3.{minor}" for minor in range(int(least), 15)]
    assert [name.endswith("-arm") for name in matrix["machine"]] == [False, True]
    assert JOBS["test"]["strategy"]["fail-fast"] is False


def test_full_runs_at_night_and_by_hand_alone() -> None:
    assert {"schedule", "workflow_dispatch"} < set(WORKFLOW["on"])
    for job in ("full", "fresh"):
        events = re.findall(r"github\.event_name == '(\w+)'", JOBS[job]["if"])
        assert events == ["schedule", "workflow_dispatch"]


def test_it_may_read_and_no_more_and_ends() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "cancel-in-progress" in WORKFLOW["concurrency"]
    for job in JOBS.values():
        assert "permissions" not in job
        assert 0 < job["timeout-minutes"] <= 360


def test_actions_have_a_major_version_and_keep_no_token() -> None:
    used = [step for job in JOBS.values() for step in job["steps"] if "uses" in step]
    assert {step["uses"] for step in used} == {"actions/checkout@v5", "actions/setup-python@v6"}
    for step in used:
        if step["uses"].startswith("actions/checkout"):
            assert step["with"] == {"persist-credentials": False}


def test_expressions_name_what_there_is_and_stand_in_no_script() -> None:
    known = {"github.workflow", "github.event_name", "github.ref"}
    for job in JOBS.values():
        named = known | {f"matrix.{key}" for key in job.get("strategy", {}).get("matrix", {})}
        text = yaml.safe_dump(job)
        assert set(re.findall(r"\b(?:github|matrix|env|secrets|inputs)\.\w+", text)) <= named
        assert not any("${{" in step.get("run", "") for step in job["steps"])

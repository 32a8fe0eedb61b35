"""The files of docs/ci.md and the action, copied and run: a broken environment is gated."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml
from projects import ROOT, project
from workflow import Job, block

PAGE = ROOT / "docs" / "ci.md"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
WITH_ACTION, PLAIN = "With the action", "Without the action:"
STATES = [("broken", 1), ("healthy", 0)]


def jobs(heading: str) -> dict[str, Any]:
    found = yaml.safe_load(block(PAGE, heading))
    assert isinstance(found, dict)
    return found


def check_annotations(job: Job, state: str) -> None:
    errors = [a for a in job.annotations if a.level == "error"]
    if state == "healthy":
        assert errors == []
        return
    assert any("numpy 2.2.6 is installed; bottleneck 1.3.7" in a.text for a in errors), job.log
    (placed,) = [a for a in errors if a.file]
    assert placed.file == str(job.workspace / ".gitmodules")
    assert placed.line == 1


@pytest.mark.parametrize(
    ("heading", "state", "code"),
    [
        pytest.param(WITH_ACTION, "broken", 1, marks=pytest.mark.slow),
        pytest.param(WITH_ACTION, "healthy", 0, marks=pytest.mark.slow),
        pytest.param(PLAIN, "broken", 1, marks=pytest.mark.slow),
        pytest.param(PLAIN, "healthy", 0, marks=pytest.mark.slow),
    ],
)
def test_a_github_workflow_gates(heading: str, state: str, code: int, job: Job) -> None:
    project(job.workspace, state)
    workflow = jobs(heading)
    made = job.run(workflow["jobs"]["preflight"]["steps"], workflow.get("env"))
    assert made == code, job.log
    check_annotations(job, state)
    head = "## gpufix: ✅ clean" if state == "healthy" else "## gpufix: ❌ faults: 2 errors"
    assert job.summary.startswith(head)
    assert job.used == ["actions/checkout@v5", "actions/setup-python@v6"]


@pytest.mark.slow
@pytest.mark.parametrize(("state", "code"), STATES)
def test_a_gitlab_job_gates(state: str, code: int, job: Job) -> None:
    project(job.workspace, state)
    ci = jobs("## GitLab")["gpufix"]
    made = job.run([{"run": "\n".join(ci["script"])}], ci["variables"])
    assert made == code, job.log
    report = JUnitXml.fromfile(str(job.workspace / ci["artifacts"]["reports"]["junit"]))
    assert report.failures == (2 if state == "broken" else 0)
    assert report.tests > 50


@pytest.mark.slow
@pytest.mark.parametrize(("state", "code"), STATES)
def test_a_container_build_gates(state: str, code: int, job: Job, tmp_path: Path) -> None:
    """The RUN lines, in an image whose Python is the machine's."""
    project(job.workspace, state)
    lines = block(PAGE, "## Containers", "dockerfile").splitlines()
    image = tmp_path / "image"
    subprocess.run([job.python / "python", "-m", "venv", str(image)], check=True)
    job.python = image / "bin"
    job.env["PREFLIGHT"] = str(tmp_path / "preflight")
    steps = [{"run": line.removeprefix("RUN ")} for line in lines if line.startswith("RUN ")]
    assert len(steps) == 4
    assert job.run(steps) == code, job.log
    assert (tmp_path / "preflight" / "passed").exists() == (code == 0)
    copied = next(line for line in lines if line.startswith("COPY --from=preflight"))
    assert "/opt/preflight/passed" in copied  # without it, the stage would not be built


@pytest.mark.slow
def test_every_report_and_output_of_the_action(job: Job) -> None:
    project(job.workspace, "broken")
    empty = [job.python / "python", "-m", "venv", "--without-pip", str(job.workspace / "env")]
    subprocess.run(empty, check=True)
    given = {
        "python": "env",
        "gpu": "sm_90, sm_120\ngfx1101\n",
        "fail-on": "warning",
        "strict": "true",
        "junit": "gpufix.xml",
        "upload-sarif": "true",
        "annotations": "false",
        "summary": "false",
    }
    assert job.run([{"uses": "./", "with": given}]) == 1
    assert job.annotations == []
    assert job.summary == ""
    assert job.used == ["github/codeql-action/upload-sarif@v4"]
    assert job.outputs["doctor"]["exit-code"] == "1"
    run = json.loads(Path(job.outputs["doctor"]["sarif"]).read_text())["runs"][0]
    assert run["properties"]["targets"] == ["sm_90", "sm_120", "gfx1101"]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == ".gitmodules"
    assert place["region"]["startLine"] == 1
    report = JUnitXml.fromfile(str(job.workspace / "gpufix.xml"))
    assert report.failures == 2  # the finding, and that the environment is empty
    assert job.outputs["doctor"]["verdict"] == "faults"

    # In the same job, installed already: what is hostile reaches gpufix as one argument each.
    doctor = [step for step in ACTION["runs"]["steps"] if step.get("id") == "doctor"]
    evil = "x'; touch pwned; $(touch pwned) `touch pwned` \" && touch pwned #"
    for name in ("project", "python", "gpu", "fail-on", "baseline", "junit"):
        inputs = {key: row["default"] for key, row in ACTION["inputs"].items()} | {name: evil}
        wanted = 1 if name == "junit" else 2  # an odd name of a file is a name of a file
        assert job._step(doctor[0], {}, inputs) == wanted, name
        assert job.outputs["doctor"]["exit-code"] == str(wanted)
        assert "Traceback" not in job.log
    inputs = {key: row["default"] for key, row in ACTION["inputs"].items()} | {"project": "--help"}
    assert job._step(doctor[0], {}, inputs) == 2
    assert not list(job.workspace.rglob("pwned"))
    # Without --strict the doctor's exit code is 0, and the job fails nevertheless.
    inputs |= {"project": "third_party", "python": "env"}
    assert job._step(doctor[0], {}, inputs) == 1
    assert job.outputs["doctor"]["verdict"] == "nothing judged"
    assert job.outputs["doctor"]["exit-code"] == "1"


def test_no_expression_stands_inside_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert ("run" in step) == (step.get("shell") == "bash")
    for value in ACTION["outputs"].values():
        assert re.fullmatch(r"\$\{\{ steps\.doctor\.outputs\.[a-z-]+ \}\}", value["value"])


def test_the_page_names_every_input_and_output() -> None:
    text = PAGE.read_text("utf-8")
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"`{name}`" in text, name


@pytest.mark.slow
@pytest.mark.parametrize("state", ["broken", "healthy"])
def test_the_pre_commit_hooks(state: str, job: Job) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    config = yaml.safe_load(block(PAGE, "## pre-commit"))
    assert {h["id"] for h in config["repos"][0]["hooks"]} == {h["id"] for h in hooks}
    project(job.workspace, state)
    subprocess.run([job.python / "python", "-m", "venv", str(job.workspace / ".venv")], check=True)
    job.env["VIRTUAL_ENV"] = str(
        job.python.parent
    )  # as pre-commit sets it: the hook's own environment
    (job.python.parent / ".install_state_v2").touch()
    assert job.run([{"run": 'python -m pip install --quiet "$GPUFIX"'}]) == 0
    for hook in hooks:
        assert hook["pass_filenames"] is False
        assert job.run([{"run": hook["entry"]}]) == (state == "broken"), job.log
    files = re.compile(hooks[0]["files"])
    for name in ("setup.py", "a/b.cu", "CMakeLists.txt", ".gitmodules", "requirements-dev.txt"):
        assert files.search(name), name
    for name in ("README.md", "data.json", "image.png"):
        assert not files.search(name), name

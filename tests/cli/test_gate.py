"""`--baseline`, `--write-baseline` and `--report`: what they write, say and exit with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import forked

PIN = "--extra-index-url https://download.pytorch.org/whl/cu118\ntorch\n"


def doctor(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["doctor", "--python", str(project.parent / "venv"), "--gpu=sm_120", *arguments, "."]
    done = forked.gpufix(command, project, os.environ)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an advice and a warning, both in its own files."""
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True
    )
    site = next((tmp_path / "venv").glob("lib/python3*/site-packages"))
    info = site / "pillow-11.0.0.dist-info"  # something that a rule knows
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pillow\nVersion: 11.0.0\n")
    module(folder, "glm")
    return folder


def module(project: Path, name: str) -> None:
    """Another submodule that is not there, named by the build: a warning."""
    with (project / ".gitmodules").open("a") as declared:
        declared.write(f'[submodule "{name}"]\n\tpath = {name}\n\turl = https://x/{name}.git\n')
    (project / name).mkdir()
    with (project / "setup.py").open("a") as setup:
        setup.write(f"INCLUDE = ['{name}/include']\n")


def test_known_findings_pass_and_new_ones_fail(project: Path) -> None:
    assert doctor(project, "--fail-on=warning").returncode == 1
    written = doctor(project, "--fail-on=warning", "--write-baseline=known.json")
    assert written.returncode == 0
    assert "known.json: 1 finding accepted" in written.stderr
    assert written.stdout.splitlines()[0] == "✓ clean: 1 accepted"

    (project / "setup.py").write_text("\n" * 20 + (project / "setup.py").read_text())
    again = doctor(project, "--fail-on=warning", "--baseline=known.json", "--format=json")
    assert again.returncode == 0
    assert again.stderr == ""
    report = json.loads(again.stdout)
    assert report["findings"] == []
    assert report["summary"]["accepted"] == 1

    module(project, "cub")
    new = doctor(project, "--fail-on=warning", "--baseline=known.json", "--format=json")
    assert new.returncode == 1
    assert [f["subject"] for f in json.loads(new.stdout)["findings"]] == ["cub"]


def test_what_is_gone_is_said_once_on_standard_error(project: Path) -> None:
    doctor(project, "--write-baseline=known.json")
    (project / ".gitmodules").unlink()
    mended = doctor(project, "--baseline=known.json", "--format=json")
    assert mended.returncode == 0
    assert "no longer found: SRC605 glm" in mended.stderr
    json.loads(mended.stdout)
    assert doctor(project, "--baseline=known.json", "--ignore=SRC").stderr == ""


@pytest.mark.some(4)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--baseline=none.json"], "no such file"),
        (["--baseline=setup.py"], "not a baseline"),
        (["--baseline=."], "Is a directory"),
        (["--write-baseline=setup.py"], "not a baseline"),  # nothing else is overwritten
        (["--write-baseline=/no/such/folder/x"], "/no/such/folder/x"),
        (["--report=pdf=x"], "formats are text, json"),
        (["--report=junit"], "FORMAT=FILE"),
        (["--report=junit="], "FORMAT=FILE"),
        (["--report=junit=/no/such/folder/x"], "--report /no/such/folder/x"),
    ],
)
def test_usage_errors(arguments: list[str], says: str, project: Path) -> None:
    before = (project / "setup.py").read_text()
    done = doctor(project, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert (project / "setup.py").read_text() == before


def test_several_reports_of_one_run(project: Path) -> None:
    forms = ("text", "json", "github", "sarif", "junit", "markdown", "html")
    files = [f"--report={form}=out.{form}" for form in forms]
    done = doctor(project, *files, "--fail-on=warning")
    assert done.returncode == 1
    assert (project / "out.text").read_text().splitlines() == done.stdout.splitlines()
    for form in forms:
        assert "SRC605" in (project / f"out.{form}").read_text(), form
    assert json.loads((project / "out.json").read_text())["summary"]["warning"] == 1

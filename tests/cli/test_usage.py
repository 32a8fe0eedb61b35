"""Bad input: a clear message on standard error, exit code 2, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def gpufix(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "gpufix", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80"},
        timeout=60,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.fixture
def patient(tmp_path: Path) -> list[str]:
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return ["--python", str(folder)]


@pytest.mark.some(6)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gpu", "RTX 5O80"], "did you mean"),
        (["--gpu", "sm_9999"], "sm_9999"),
        (["--gpu", "\x1b[31mred"], "expected a product or an architecture"),
        (["--select", "TCH999"], "no rule has the code"),
        (["--ignore", "nonsense"], "no rule has the code"),
        (["--python", "/no/such/python"], "/no/such/python"),
        (["--python", "/etc/passwd"], "/etc/passwd"),
        (["--python", "/bin/echo"], "/bin/echo"),
        (["--facts", "/no/such/file"], "/no/such/file"),
        (["--facts", "/etc/passwd"], "not a facts file"),
        (["--facts", "/etc"], "/etc"),
        (["--fail-on", "sometimes"], "sometimes"),
        (["--format", "xml"], "xml"),
        (["/no/such/project"], "/no/such/project"),
        (["--no-such-option"], "--no-such-option"),
        (["--output", "/no/such/folder/x"], "/no/such/folder"),
    ],
)
def test_usage_errors(arguments: list[str], says: str, patient: list[str], tmp_path: Path) -> None:
    own = [] if "--python" in arguments or "--facts" in arguments else patient
    done = gpufix("doctor", *own, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


@pytest.mark.some(3)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a facts file"),
        ("{}", "host"),
        ('{"host": {"os": 1, "kernel": "6", "machine": "x86_64"}}', "host.os"),
        ('{"host": {"os": "Linux", "kernel": "6", "machine": "x"}, "what": 1}', "what"),
        ('{"schema_version": 999, "host": {"os": "L", "kernel": "6", "machine": "x"}}', "999"),
        ("[" * 100_000, "not a facts file"),
    ],
)
def test_a_corrupt_facts_file_says_where(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_text(text)
    done = gpufix("doctor", "--facts", str(file))
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.some(3)
@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("ignor = ['WHL']", "ignor"),
        ("ignore = 5", "expected a string or a list"),
        ("exclude = 5", "expected a string or a list"),
        ("gpu = ['sm_1x']", "sm_1x"),
        ("select = ['NOPE']", "NOPE"),
        ("fail-on = 'never-ever'", "never-ever"),
        ("python = '/bin/sh'", "python"),
    ],
)
def test_a_wrong_configuration_is_refused(
    config: str, says: str, patient: list[str], tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(f"[tool.gpufix]\n{config}\n")
    done = gpufix("doctor", *patient, str(project))
    assert done.returncode == 2
    assert says in done.stderr


def test_the_configuration_selects_and_ignores(patient: list[str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("[tool.gpufix]\ngpu = 'RTX 5080'\nignore = ['TCH']\n")
    done = gpufix("doctor", *patient, str(project), "--format", "json")
    report = json.loads(done.stdout)
    assert [(t["arch"], t["source"]) for t in report["targets"]] == [("sm_120", "[tool.gpufix]")]
    assert report["summary"]["ignored"] > 0
    assert report["patient"]["project"] == str(project)


@pytest.mark.parametrize(
    "options", [["--select", "WHL", "--ignore", "WHL"], ["--select", "NOD"]], ids=" ".join
)
def test_without_a_rule_nothing_is_judged(options: list[str], patient: list[str]) -> None:
    done = gpufix("doctor", *patient, *options, "--strict")
    assert done.returncode == 1
    assert "nothing judged: none of the selected rules judges an environment" in done.stdout


def test_a_family_without_its_command_is_one_line() -> None:
    done = gpufix("fleet")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "gpufix: missing command"
    assert "\\x0a" not in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["doctor", "--help"], ["--version"], ["rules"]])
def test_what_needs_no_patient_exits_0(arguments: list[str]) -> None:
    done = gpufix(*arguments)
    assert done.returncode == 0
    assert done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_page_for_every_rule() -> None:
    for row in json.loads(gpufix("rules", "--format", "json").stdout):
        assert row["summary"].endswith("."), row
    page = gpufix("explain", "whl503")
    assert page.returncode == 0
    assert "files-missing" in page.stdout


def test_an_unknown_page() -> None:
    done = gpufix("explain", "WHL599")
    assert done.returncode == 2
    assert "did you mean" in done.stderr


def test_machine_formats_go_to_standard_output_alone(patient: list[str], tmp_path: Path) -> None:
    done = gpufix("doctor", *patient, "--format", "json", cwd=tmp_path)
    json.loads(done.stdout)
    assert done.stderr == ""


@pytest.mark.parametrize("command", [["rules"], ["doctor", "--no-such"], ["--version"]])
def test_a_full_disk_is_no_bug_of_gpufix(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gpufix", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode in (2, 3)
    assert "bug" not in done.stderr and "Exception ignored" not in done.stderr


def test_a_closed_pipe_is_no_crash(patient: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gpufix", "doctor", *patient]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    assert process.stdout
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert b"Traceback" not in err

"""`gpufix env` and `gpufix run` with a real environment file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import venvs
from venvs import Venv

from gpufix.facts.python.environment import overlay_path

VALUES = {"CPATH": "/opt/a b:/c'd", "LD_PRELOAD": None, "MAX_JOBS": "3\n$(exit 9)"}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    venv = venvs.create(tmp_path_factory.mktemp("env") / "env")
    write(venv, json.dumps({"variables": VALUES}))
    return venv


def write(venv: Venv, text: str, project: Path | None = None) -> Path:
    state = {"XDG_STATE_HOME": str(venv.home / ".local" / "state")}
    path = overlay_path(str(venv.path), project, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(venv: Venv, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return venv.gpufix("run", "--python", str(venv.python), "--", *command, env=env)


def test_env_is_evaluated_to_the_file_s_values(patient: Venv) -> None:
    done = patient.gpufix("env", "--python", str(patient.python))
    assert done.returncode == 0 and done.stderr == ""
    script = 'eval "$1"; printf "%s|%s|%s" "$CPATH" "$MAX_JOBS" "${LD_PRELOAD-none}"'
    seen = subprocess.run(["sh", "-c", script, "sh", done.stdout], capture_output=True, text=True)
    assert seen.stdout == f"{VALUES['CPATH']}|{VALUES['MAX_JOBS']}|none"


def test_env_without_a_file_prints_nothing(tmp_path: Path) -> None:
    empty = venvs.create(tmp_path / "empty")
    done = empty.gpufix("env", "--python", str(empty.python))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_env_of_a_project_is_its_own(patient: Venv, tmp_path: Path) -> None:
    write(patient, json.dumps({"variables": {"MAX_JOBS": "1"}}), tmp_path.resolve())
    options = ("--python", str(patient.python), "--format", "json")
    done = patient.gpufix("env", *options, str(tmp_path))
    assert json.loads(done.stdout)["variables"] == {"MAX_JOBS": "1"}


def test_env_written_twice_is_the_same_file(patient: Venv, tmp_path: Path) -> None:
    target = tmp_path / "out.env"
    texts = []
    for _ in range(2):
        options = ("--python", str(patient.python), "--format", "github", "-o", str(target))
        assert patient.gpufix("env", *options).returncode == 0
        texts.append(target.read_text())
    assert texts[0] == texts[1] != ""


def test_env_for_a_build_says_why_on_request(patient: Venv) -> None:
    options = ("--python", str(patient.python), "--build", "--gpu", "sm_120", "--format", "json")
    done = patient.gpufix("env", *options, "-v")
    found = json.loads(done.stdout)["variables"]
    assert found["CUDAARCHS"] == "120" and found["CPATH"] == VALUES["CPATH"]
    assert "CUDAARCHS: " in done.stderr


@pytest.mark.parametrize("command", ["env", "run"])
def test_a_file_that_is_none_is_told(tmp_path: Path, command: str) -> None:
    venv = venvs.create(tmp_path / "broken")
    write(venv, '{"variables": {"A B": "1"}}')
    rest = ["--", "true"] if command == "run" else []
    done = venv.gpufix(command, "--python", str(venv.python), *rest)
    assert done.returncode == 2 and "environment file" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--gpu", "sm_120"], ["--build", "--gpu", "nothing"], ["--python", "/nowhere"]]
)
def test_usage(patient: Venv, arguments: list[str]) -> None:
    assert patient.gpufix("env", *arguments).returncode == 2


def test_run_applies_the_file(patient: Venv) -> None:
    code = (
        "import os, sys; sys.stdout.write(os.environ['CPATH'] + os.environ.get('LD_PRELOAD', '-'))"
    )
    done = run(patient, sys.executable, "-c", code, CPATH="old", LD_PRELOAD="/nowhere.so")
    assert done.stdout == f"{VALUES['CPATH']}-"


@pytest.mark.parametrize(
    ("command", "code"),
    [(["sh", "-c", "exit 7"], 7), (["true"], 0), (["no-such-program"], 127), (["/"], 126)],
)
def test_run_passes_the_exit_code(patient: Venv, command: list[str], code: int) -> None:
    assert run(patient, *command).returncode == code


def test_run_hands_options_and_odd_arguments_on(patient: Venv) -> None:
    odd = ["-x", "--gpu", "", "a b", "$HOME", "'", "ü\n"]
    code = "import sys; sys.stdout.write(repr(sys.argv[1:]))"
    assert run(patient, sys.executable, "-c", code, *odd).stdout == repr(odd)


def test_run_is_replaced_by_the_command(patient: Venv) -> None:
    command = ["run", "--python", str(patient.python), "--", "sh", "-c", "echo $$; exec sleep 60"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gpufix", *command],
        stdout=subprocess.PIPE,
        text=True,
        env=patient.environ(),
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == -signal.SIGTERM

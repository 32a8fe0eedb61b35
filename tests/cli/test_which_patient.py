"""Which environment every command looks at, and what it says where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import forked

NONE = "no environment is active, and neither the project nor this folder has one"
NOTHING = f"gpufix: nothing judged: {NONE}"


def gpufix(cwd: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return forked.gpufix(arguments, cwd, {**inherited, "HOME": str(cwd), "COLUMNS": "80", **env})


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("doctor", "--strict"), 1, ""),
        (("fix",), 0, NOTHING),
        (("snapshot", "--output", os.devnull), 0, NOTHING),
        (("env",), 0, f"gpufix: no variables: {NONE}"),
        (("run", "--", "true"), 0, f"gpufix: no variables: {NONE}"),
        (("env", "--build"), 2, f"gpufix: {NONE}"),
        (("build", "."), 2, f"gpufix: {NONE}"),
        (("inspect", "torch"), 2, f"gpufix: {NONE}"),
        (("recommend",), 2, f"gpufix: {NONE}"),
        (("undo",), 0, ""),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_without_an_environment(
    arguments: tuple[str, ...], code: int, said: str, empty: Path
) -> None:
    done = gpufix(empty, *arguments)
    assert (done.returncode, done.stderr.startswith(said)) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_names_what_to_do(empty: Path) -> None:
    done = gpufix(empty, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    verdict = " ".join(done.stdout.splitlines()[:2])
    assert verdict == f"? nothing judged: {NONE}: activate one, or name one with --python PATH"
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_projects_environment_is_found(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    elsewhere.mkdir()
    make = [sys.executable, "-m", "venv", "--without-pip", str(project / ".venv")]
    subprocess.run(make, check=True, capture_output=True)
    (project / "pyproject.toml").touch()
    for cwd, arguments in ((project, ()), (elsewhere, ("../project",))):
        done = gpufix(cwd, "doctor", "--format", "json", *arguments)
        assert json.loads(done.stdout)["patient"]["prefix"] == str(project / ".venv")
    assert json.loads(gpufix(project, "snapshot").stdout)["python"]["kind"] == "venv"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("doctor", "--gpu", ""), "--gpu '' is empty; needed: an architecture"),
        (("doctor", "--gpu", " "), "--gpu ' ' is empty"),
        (("doctor", "--gpu", "sm_90", "--gpu", ","), "--gpu ',' is empty"),
        (("doctor", "--gpu="), "--gpu '' is empty"),
        (("doctor", "--select", ""), "--select '' is empty; needed: a rule's code"),
        (("doctor", "--ignore", ","), "--ignore ',' is empty"),
        (("doctor", "--python", ""), "'' is not a usable Python"),
        (("fix", "--only", ""), "--only '' is empty"),
        (("recommend", "--gpu", "", "--python-version", "3.12"), "--gpu '' is empty"),
        (("inspect", "--gpu", "", "x"), "--gpu '' is empty"),
        (("smoke", "--gpu", ""), "--gpu '' is empty"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_empty_value_is_a_usage_error(
    arguments: tuple[str, ...], what: str, empty: Path
) -> None:
    done = gpufix(empty, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gpufix: {what}"), done.stderr


@pytest.mark.parametrize("key", ["gpu", "select", "ignore"])
@pytest.mark.parametrize("value", ['""', '["sm_90", " "]'])
def test_so_it_is_in_a_projects_table(key: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.gpufix]\n{key} = {value}\n")
    done = gpufix(tmp_path, "doctor")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gpufix: [tool.gpufix] {key}: "), done.stderr
    assert " is empty; needed: " in done.stderr

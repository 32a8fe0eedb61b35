"""`gpufix fleet` and `gpufix diff` as they are typed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import forked
from gpufix.cli.app import application


def parsed(*words: str, name: str = "doctor") -> dict[str, Any]:
    fleet: Any = get_command(application(["fleet"]))
    command = fleet.commands["fleet"].commands[name]
    return dict(command.make_context(name, list(words)).params)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--ray"], {"ray": "auto", "slurm": None}),
        (["--ray", "--deep"], {"ray": "auto", "deep": True}),
        (["--ray", "ray://head:10001"], {"ray": "ray://head:10001"}),
        (["--ray=127.0.0.1:6379"], {"ray": "127.0.0.1:6379"}),
        (["--slurm"], {"slurm": ""}),
        (["--slurm", "--format", "json"], {"slurm": ""}),
        (["--slurm", "-p gpu -N 4"], {"slurm": "-p gpu -N 4"}),
        (["--slurm", "--partition=gpu"], {"slurm": "--partition=gpu"}),
        (["--ssh", "node[01-32]", "--timeout", "5"], {"ssh": "node[01-32]", "timeout": 5.0}),
    ],
)
def test_options_that_may_stand_alone(words: list[str], expected: dict[str, Any]) -> None:
    params = parsed(*words)
    assert {name: params[name] for name in expected} == expected


def test_options_of_smoke_may_follow_one_that_stands_alone() -> None:
    params = parsed("--slurm", "--ranks", "4", "--yes", name="smoke")
    assert (params["slurm"], params["ranks"], params["yes"]) == ("", 4, True)


def gpufix(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return forked.gpufix(list(words), cwd=cwd, env={**os.environ, **env})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two snapshots: one of them with another kernel."""
    for name, kernel in (("a", "6.8"), ("b", "5.15")):
        facts = {
            "schema_version": 1,
            "host": {"os": "Linux", "kernel": kernel, "machine": "x86_64"},
        }
        (tmp_path / f"{name}.json").write_text(json.dumps({**facts, "gaps": []}))
    return tmp_path


def test_diff(saved: Path) -> None:
    done = gpufix("diff", "a.json", "b.json", cwd=saved)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "≠ system kernel: 6.8 → 5.15")
    assert gpufix("diff", "a.json", "a.json", cwd=saved).returncode == 0
    same = gpufix("fleet", "diff", "a.json", "b.json", "--format", "json", cwd=saved)
    assert json.loads(same.stdout)["rows"] == [
        {"section": "system", "name": "kernel", "a": "6.8", "b": "5.15"}
    ]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ["fleet", "doctor"],
            "say which nodes by one of --ray, --slurm, --ssh, --here; found none",
        ),
        (["fleet", "doctor", "--here", "--ssh", "a"], "found --ssh, --here"),
        (["fleet", "report", "no.json"], "no.json: No such file"),
        (["fleet", "report", "a.json", "--expect", "n["], "has no partner"),
        (["fleet", "report", "a.json", "--reference", "no.json"], "no.json: No such file"),
        (["fleet", "report", "a.json", "--gpu", "RTX 1"], "RTX 1"),
        (["fleet", "report", "a.json", "--select", "XXX"], "XXX"),
        (["fleet", "doctor", "--ssh", "n[", "--python", "/x"], "has no partner"),
        (["fleet", "manifest", "job", "--image", "a b"], "names no image"),
        (["diff", "a.json", "no.json"], "no.json: No such file"),
    ],
)
def test_usage(words: list[str], why: str, saved: Path) -> None:
    done = gpufix(*words, cwd=saved)
    assert done.returncode == 2 and why in done.stderr, done
    assert done.stdout == ""


def test_a_file_that_cannot_be_written(saved: Path) -> None:
    done = gpufix("fleet", "report", "a.json", "--output", "/no/such/file", cwd=saved)
    assert (done.returncode, done.stdout) == (2, "")


def test_here_looks_at_this_machine(tmp_path: Path) -> None:
    env = {"VIRTUAL_ENV": "", "CONDA_PREFIX": ""}
    first = gpufix(
        "fleet", "doctor", "--here", "--save", "good.txt", "--format", "json", cwd=tmp_path, **env
    )
    assert json.loads(first.stdout)["nodes"][0]["state"] == "nothing judged", first.stderr
    second = gpufix(
        "fleet", "doctor", "--here", "--reference", "good.txt", "--format", "npd", cwd=tmp_path,
        NCCL_DEBUG="INFO", **env,
    )  # fmt: skip
    assert (
        second.stdout
        == "gpufix: nothing judged; no environment is active, and neither the project nor...\n"
    )
    assert second.returncode == 1


def test_smoke_asks_nobody_in_a_pipe(tmp_path: Path) -> None:
    """It loads GPUs: without a word it starts nothing."""
    done = gpufix("fleet", "smoke", "--ssh", "n[1-2]", cwd=tmp_path, PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "gpufix: fleet smoke loads the GPUs of all these nodes: --yes says that you want it\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "say which nodes by one of --ray, --slurm, --ssh, --here; found none"),
        (["--here", "--ssh", "a"], "found --ssh, --here"),
        (["--here", "--only", "links", "--yes"], "expected"),
        (["--here", "--python", "/no/such", "--yes"], "/no/such is not a usable Python"),
    ],
)
def test_smoke_is_typed_right(words: list[str], says: str, tmp_path: Path) -> None:
    done = gpufix("fleet", "smoke", *words, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr

"""`gpufix doctor --node` and `gpufix snapshot --node`: reports, verdicts, what cannot be combined."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import forked

RECORDED = Path(__file__).parent.parent / "node"
IDLE, LOAD = str(RECORDED / "h200_idle.json"), str(RECORDED / "h200_load.json")


def gpufix(*arguments: str, cwd: Path = RECORDED) -> subprocess.CompletedProcess[str]:
    done = forked.gpufix(list(arguments), cwd, os.environ)
    assert "Traceback" not in done.stderr
    return done


def test_an_h200_that_is_well() -> None:
    done = gpufix("doctor", "--node", "--facts", IDLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "✓ clean: nothing wrong found",
        "node 1 × NVIDIA H200, driver 580.159.04 · Linux x86_64",
    ]


def test_an_h200_under_load() -> None:
    done = gpufix("doctor", "--node", "--facts", LOAD)
    assert done.returncode == 0
    assert "✓ clean: 1 advice" in done.stdout
    assert "GPU 0: 883 MiB of memory are in use, by 1 process." in done.stdout
    assert "$ nvidia-smi -i 0" in done.stdout
    assert "gpufix fix" not in done.stdout


def broken(tmp_path: Path) -> str:
    data = json.loads(Path(IDLE).read_text("utf-8"))
    data["node"]["gpus"][0]["ecc_uncorrected"] = 2
    del data["node"]["log"]
    data["node"]["unread"] = {"log": "/dev/kmsg is closed: Operation not permitted"}
    file = tmp_path / "node.json"
    file.write_text(json.dumps(data), "utf-8")
    return str(file)


def test_faults_and_gaps_as_json(tmp_path: Path) -> None:
    done = gpufix("doctor", "--node", "--facts", broken(tmp_path), "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert [f["code"] for f in report["findings"]] == ["NOD1111"]
    assert [g["subject"] for g in report["gaps"]] == ["kernel log"]
    assert report["summary"]["verdict"] == "faults"
    assert report["patient"]["node"] == "1 × NVIDIA H200, driver 580.159.04"


@pytest.mark.parametrize(
    ("options", "code", "verdict"),
    [
        (["--ignore", "NOD1111"], 0, "incomplete"),
        (["--ignore", "NOD1111", "--strict"], 1, "incomplete"),
        (["--select", "NOD1111", "--fail-on", "never"], 0, "faults"),
        (["--select", "NET"], 0, "clean"),
        (["--select", "WHL"], 0, "nothing judged"),
    ],
)
def test_what_is_judged(tmp_path: Path, options: list[str], code: int, verdict: str) -> None:
    asked = ["doctor", "--node", "--facts", broken(tmp_path), "--format", "json", *options]
    done = gpufix(*asked)
    assert (done.returncode, json.loads(done.stdout)["summary"]["verdict"]) == (code, verdict)


@pytest.mark.parametrize("form", ["html", "junit", "sarif", "markdown", "github"])
def test_the_other_reports(tmp_path: Path, form: str) -> None:
    done = gpufix("doctor", "--node", "--facts", broken(tmp_path), "--format", form)
    assert done.returncode == 1 and "NOD1111" in done.stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["doctor", "--node", "--python", "/env"], "--node judges the machine"),
        (["doctor", "--node", "."], "--node judges the machine"),
        (["doctor", "--node", "--gpu", "sm_90"], "--node judges the machine"),
        (["snapshot", "--node", "--deep"], "--node saves the machine"),
        (["doctor", "--node", "--select", "NOD9999"], "no rule has the code 'NOD9999'"),
        (["doctor", "--node", "--facts", "absent.json"], "absent.json: No such file"),
    ],
)
def test_usage(command: list[str], said: str) -> None:
    done = gpufix(*command)
    assert done.returncode == 2 and said in done.stderr


def test_this_machine_is_saved_and_judged_alike(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    assert gpufix("snapshot", "--node", "--output", str(file), cwd=tmp_path).returncode == 0
    saved = json.loads(file.read_text("utf-8"))
    assert saved["python"] is None and saved["node"]["uptime"] > 0
    replayed = gpufix("doctor", "--node", "--facts", str(file), "--format", "json")
    assert replayed.returncode in (0, 1)


def test_an_environments_snapshot_holds_no_node(tmp_path: Path) -> None:
    data = json.loads(Path(IDLE).read_text("utf-8"))
    del data["node"]
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(data), "utf-8")
    done = gpufix("doctor", "--node", "--facts", str(file))
    assert done.returncode == 0
    assert "nothing judged: the snapshot holds no node" in done.stdout


def test_the_plain_doctor_judges_no_node(tmp_path: Path) -> None:
    done = gpufix("doctor", "--facts", broken(tmp_path), "--format", "json", "--ignore", "NOD1111")
    report = json.loads(done.stdout)
    assert report["findings"] == [] and report["gaps"] == []

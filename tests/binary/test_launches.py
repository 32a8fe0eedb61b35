"""What doctor and inspect say of builds of one kernel, against launches of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import needs

FOLDER = Path(__file__).parents[2] / "benchmarks"
ORACLE = FOLDER / "launch_oracle.py"
DATA = Path(__file__).with_name("data")


def oracle(*arguments: object) -> str:
    command = [sys.executable, str(ORACLE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.needs("nvcc", "CUDA GPU")
def test_all_builds_are_judged_as_they_launch_here(tmp_path: Path) -> None:
    oracle("build", tmp_path, "--nvcc", needs.path("nvcc"))
    launch = [sys.executable, str(tmp_path / "launch_truth.py"), str(tmp_path)]
    truth = tmp_path / "truth.json"
    truth.write_text(subprocess.run(launch, check=True, capture_output=True, text=True).stdout)
    assert len(json.loads(truth.read_text())["launches"]) >= 56
    oracle("judge", tmp_path, truth)


@pytest.mark.slow
@pytest.mark.needs("nvcc")
def test_all_builds_are_judged_as_they_launched_on_an_h200(tmp_path: Path) -> None:
    """For machines without a GPU: the answers of one, kept."""
    oracle("build", tmp_path, "--nvcc", needs.path("nvcc"))
    oracle("judge", tmp_path, DATA / "launches_h200.json")

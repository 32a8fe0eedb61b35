"""What lies aside and is deleted: what is proven to be the run's own, and nothing of anybody else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faults
import pytest
import trees
from steps_for import STEPS, builder, carry_out, use_builder, use_local_programs
from trees import Patient

from gpufix.engine.journal import runs, undo_run

# Files that somebody makes while a build runs.
MINE = [
    lambda p: p.project / "vendor/libmine.a",
    lambda p: p.project / "mine.so",
    lambda p: p.site / "theirs.so",
    lambda p: p.site / "theirs/build/theirs.so",
    lambda p: p.site / "theirs.egg-info/native.so",
]


def beside(
    monkeypatch: pytest.MonkeyPatch, patient: Patient, act: Callable[[], object]
) -> Callable[[], Path]:
    """A build while which somebody does something."""
    building = builder(patient)

    def run(*arguments: Any) -> Any:
        built = building(*arguments)
        act()
        return built

    use_local_programs(monkeypatch, patient, 12)
    use_builder(monkeypatch, run)
    return partial(carry_out, patient, STEPS["build"](patient))


def test_how_folders_above_are_called_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = trees.make(tmp_path / "build/root", 12)
    mine = [place(patient) for place in MINE]

    def act() -> None:
        for path in mine:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"mine")

    folder = beside(monkeypatch, patient, act)()
    undone = undo_run.undo(runs.load(folder))
    assert set(undone.aside) >= set(map(str, mine))
    assert str(patient.project / "build/a/y.o") not in undone.aside


@pytest.mark.parametrize("killed", [False, True])
def test_another_name_that_somebody_has_given_is_theirs(
    killed: bool, here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `ln` and `cp -al` give it."""
    (here.project / "weights.bin").write_bytes(b"weights")

    def act() -> None:
        os.link(here.project / "weights.bin", here.project / "backup.bin")
        copied = [str(here.site / "pkg"), str(here.site / "snapshot")]
        subprocess.run(["cp", "-al", *copied], check=True)
        if killed:
            os.kill(os.getpid(), 9)

    faults.run(beside(monkeypatch, here, act))
    undone = undo_run.undo(runs.every(here.state)[-1])
    names = {str(here.project / "backup.bin"), str(here.site / "snapshot/part1/mod1.py")}
    assert names <= set(undone.aside)


def test_what_an_installer_has_renamed_is_no_needless_copy(
    here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip's `~kg` of a killed run: its files are back where they were."""

    def act() -> None:
        (here.site / "pkg").rename(here.site / "~kg")
        os.kill(os.getpid(), 9)

    faults.run(beside(monkeypatch, here, act))
    undone = undo_run.undo(runs.every(here.state)[-1])
    assert not [path for path in undone.aside if "~kg" in path and path.endswith(".py")]

"""A folder that somebody has moved away since, with a link in its place: nothing behind that is touched."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import faults
import pytest
import trees
from steps_for import STEPS, builder, carry_out, use_builder
from test_kill_points import finish
from trees import Patient

from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run_context import Refused, StepFailed

# What a build writes into, at which depth it is moved away.
FOLDERS = ["build", "build/a"]


@pytest.fixture
def alone(here: Patient) -> Patient:
    """Without other names of what compilers write into."""
    shutil.rmtree(here.root / "store")
    return here


def moved(folder: Path, place: Path) -> list[Path]:
    """`mv` to a larger disk and `ln -s`; what lies there, and is somebody's own by now."""
    folder.rename(place)
    folder.symlink_to(place)
    for path in place.rglob("*.o"):
        path.unlink()
        path.symlink_to("/nowhere")  # of another kind than what was there
    return sorted(place.rglob("*"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", FOLDERS)
def test_after_a_run_it_is_to_be_moved_back(name: str, force: bool, alone: Patient) -> None:
    before = trees.state(alone)
    folder = carry_out(alone, STEPS["build"](alone))
    (alone.root / "kept").mkdir()
    whole = alone.root / "kept/whole"
    (alone.project / name).rename(whole)
    (alone.project / name).symlink_to(whole)
    held = contents(whole)
    for act in (partial(undo_run.undo, force=force), undo_run.preview):
        with pytest.raises(Refused, match=r"there now is a link to .*: move the folder back"):
            act(runs.load(folder))
    assert contents(whole) == held
    (alone.project / name).unlink()
    whole.rename(alone.project / name)
    whole.parent.rmdir()
    assert undo_run.undo(runs.load(folder), force=True).problems == ()
    parent = str((alone.project / name).parent.relative_to(alone.root))
    assert set(trees.differences(before, trees.state(alone))) <= {parent}, "its time is the mover's"


@pytest.mark.parametrize("name", FOLDERS)
def test_after_a_kill_the_link_is_put_aside(
    name: str, alone: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that the folder held is kept."""
    before = trees.state(alone)
    building = builder(alone)

    def run(*arguments: Any) -> None:
        building(*arguments)
        os.kill(os.getpid(), 9)

    use_builder(monkeypatch, run)
    assert faults.run(partial(carry_out, alone, STEPS["build"](alone))) is None
    place = alone.root.parent / "large disk"
    links = moved(alone.project / name, place)
    finish(alone)
    assert sorted(place.rglob("*")) == links
    assert trees.differences(before, trees.state(alone)) == {}


def test_a_build_that_puts_a_link_there_itself(
    alone: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = trees.state(alone)
    building = builder(alone)

    def run(*arguments: Any) -> Any:
        built = building(*arguments)
        (alone.project / "build/a").rename(alone.project / "real")
        (alone.project / "build/a").symlink_to("../real")
        built.ok, built.reason = not fails, "no such kernel"
        return built

    use_builder(monkeypatch, run)
    fails = True
    with pytest.raises(StepFailed, match="everything was restored"):
        carry_out(alone, STEPS["build"](alone))
    assert trees.differences(before, trees.state(alone)) == {}
    fails = False
    folder = carry_out(alone, STEPS["build"](alone))
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(alone)) == {}

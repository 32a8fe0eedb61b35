"""A run killed at any instant, then `undo`: the tree is as it was, byte for byte."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import faults
import pytest
import trees
from steps_for import STEPS, carry_out, use_local_programs
from trees import Patient

from gpufix.engine import child
from gpufix.engine.builds import step as build
from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run_context import EngineError, NothingToUndo, StepFailed

Scene = Callable[[int], Patient]


@pytest.fixture
def scene(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Makes the same patient anew, at the same place, as often as asked."""

    def make(files: int) -> Patient:
        shutil.rmtree(memory_path / "root", ignore_errors=True)
        patient = trees.make(memory_path / "root", files)
        use_local_programs(monkeypatch, patient, files)
        return patient

    yield make


def undo_all(patient: Patient) -> None:
    try:
        run = runs.find(patient.state, None)
    except NothingToUndo:
        return
    assert undo_run.undo(run).problems == ()
    assert runs.load(run.folder).state == "undone"


def check_kills(
    scene: Scene, kind: str, files: int, most: int | None = None, journal: bool = False
) -> int:
    """Kill a run at (about so many of) its points; returns how many kills there were.

    A run may pass fewer points than the one that was counted: one that ends is undone all the same.
    """
    steps = STEPS[kind](scene(files))
    carry_out(scene(files), steps)  # what is imported here is not imported anew in each child
    total = faults.run(partial(carry_out, scene(files), steps), journal_only=journal)
    assert total is not None
    kills = 0
    for fatal in faults.spread(total, most):
        patient = scene(files)
        before = trees.state(patient)
        kills += faults.run(partial(carry_out, patient, steps), fatal, journal) is None
        undo_all(patient)
        assert trees.differences(before, trees.state(patient)) == {}, f"killed at {fatal}"
        assert not list(patient.state.glob("runs/*/kept"))
    return kills


# Two kinds of step stand for all of them each time.
QUICK = [
    kind if kind in ("build", "remove") else pytest.param(kind, marks=pytest.mark.slow)
    for kind in sorted(STEPS)
]


@pytest.mark.parametrize("kind", QUICK)
def test_killed_around_every_write_of_the_journal(kind: str, scene: Scene) -> None:
    assert check_kills(scene, kind, 12, journal=True) >= 15


@pytest.mark.some(4)
@pytest.mark.parametrize("kind", sorted(STEPS))
def test_killed_at_many_points(kind: str, scene: Scene) -> None:
    most = 40 if kind == "reinstall" else 14
    assert check_kills(scene, kind, 50 if kind == "reinstall" else 12, most) >= most * 0.9


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(STEPS))
def test_killed_at_every_point(kind: str, scene: Scene) -> None:
    assert check_kills(scene, kind, 50) > 60


SPREAD = pytest.mark.parametrize("most", [8, pytest.param(40, marks=pytest.mark.slow)])


@pytest.mark.some(4)
@SPREAD
@pytest.mark.parametrize("kind", sorted(STEPS))
def test_an_undo_that_is_killed_is_finished_by_another(kind: str, most: int, scene: Scene) -> None:
    patient = scene(12)
    before = trees.state(patient)
    carry_out(patient, STEPS[kind](patient))
    assert trees.differences(before, trees.state(patient)) != {}
    total = faults.run(partial(undo_all, patient))
    assert total is not None
    assert trees.differences(before, trees.state(patient)) == {}
    kills = 0
    for fatal in faults.spread(total, most):
        patient = scene(12)
        before = trees.state(patient)
        carry_out(patient, STEPS[kind](patient))
        kills += faults.run(partial(undo_all, patient), fatal) is None
        undo_all(patient)
        assert trees.differences(before, trees.state(patient)) == {}, f"killed at {fatal}"
    assert kills >= min(total, most) - 2


@pytest.mark.some(2)
@SPREAD
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EBUSY])
@pytest.mark.parametrize("kind", ["reinstall", "several"])
def test_an_undo_whose_writes_fail_is_finished_by_another(
    kind: str, error: int, most: int, scene: Scene
) -> None:
    """From any point on no change is possible: nothing is lost, and the next undo does the rest."""
    patient = scene(12)
    carry_out(patient, STEPS[kind](patient))
    total = faults.run(partial(undo_all, patient))
    assert total is not None
    for fatal in faults.spread(total, most):
        patient = scene(12)
        before = trees.state(patient)
        carry_out(patient, STEPS[kind](patient))
        faults.run(partial(undo_run.undo, runs.find(patient.state, None)), fatal, error=error)
        undo_all(patient)
        assert trees.differences(before, trees.state(patient)) == {}, f"failed from {fatal} on"


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_full_disk(scene: Scene, kind: str, most: int | None, once: bool) -> int:
    """A disk that is full at each point of an undo, for one write or from then on; then there is room."""
    patient = scene(12)
    carry_out(patient, STEPS[kind](patient))
    total = faults.run(partial(undo_all, patient))
    assert total is not None
    for point in faults.spread(total, most):
        patient = scene(12)
        before = trees.state(patient)
        carry_out(patient, STEPS[kind](patient))
        acts = {point: full} if once else None
        action = partial(_tried, partial(undo_run.undo, runs.find(patient.state, None)))
        faults.run(action, 0 if once else point, error=errno.ENOSPC, acts=acts)
        undo_all(patient)
        assert trees.differences(before, trees.state(patient)) == {}, f"full at {point}"
    return total


@pytest.mark.parametrize("kind", ["build", "upgrade"])
def test_a_disk_that_is_full_for_one_write_of_undo(kind: str, scene: Scene) -> None:
    check_full_disk(scene, kind, 8, once=True)


@pytest.mark.slow
@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("kind", sorted(STEPS))
def test_a_disk_that_is_full_at_any_write_of_undo(kind: str, once: bool, scene: Scene) -> None:
    assert check_full_disk(scene, kind, None, once) > 20


def check_full_rollback(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, kind: str, most: int | None
) -> int:
    """The step fails, and from some point on, before that or in the rollback, the disk is full."""

    def make() -> tuple[Patient, Callable[[], object]]:
        patient = scene(12)
        for module, name in ((child, "run"), (build, "run_together")):
            monkeypatch.setattr(module, name, _failing(getattr(module, name)))
        return patient, partial(_tried, partial(carry_out, patient, STEPS[kind](patient)))

    total = faults.run(make()[1])
    assert total is not None
    for point in faults.spread(total, most):
        patient, action = make()
        before = trees.state(patient)
        faults.run(action, point, error=errno.ENOSPC)
        undo_all(patient)
        assert trees.differences(before, trees.state(patient)) == {}, f"full at {point}"
    return total


def _failing(program: Callable[..., object]) -> Callable[..., object]:
    def run(*arguments: Any, **named: Any) -> object:
        program(*arguments, **named)
        raise StepFailed("it does not go on")

    return run


def _tried(action: Callable[[], object]) -> None:
    with suppress(OSError, EngineError):
        action()


@pytest.mark.parametrize("kind", ["build", "upgrade"])
def test_a_rollback_on_a_full_disk(
    kind: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_full_rollback(scene, monkeypatch, kind, 8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["build", "upgrade", "reinstall", "fallback", "several"])
def test_a_rollback_on_a_disk_that_is_full_at_any_write(
    kind: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_full_rollback(scene, monkeypatch, kind, None) > 60


@pytest.mark.parametrize("kind", ["reinstall", "several"])
def test_an_interrupted_run_whose_undo_is_killed(kind: str, scene: Scene) -> None:
    patient = scene(12)
    steps = STEPS[kind](patient)
    carry_out(patient, steps)
    total = faults.run(partial(carry_out, scene(12), steps))
    assert total is not None
    kills = 0
    for share in (0.5, 0.7, 0.9):
        for fatal in (5, 40, 80):
            patient = scene(12)
            before = trees.state(patient)
            kills += faults.run(partial(carry_out, patient, steps), int(total * share)) is None
            faults.run(partial(undo_all, patient), fatal)
            undo_all(patient)
            assert trees.differences(before, trees.state(patient)) == {}, (share, fatal)
    assert kills == 9

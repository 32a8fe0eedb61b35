"""Every kind of second actor, at every kind of step, at the instants that a kill can tell apart.

Nothing that it wrote is lost, and wherever it has not written, the tree is what it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import faults
import others
import pytest
import trees
from others import Other
from steps_for import STEPS, carry_out, use_local_programs
from trees import Patient

from gpufix.engine.journal import lock, programs, runs, undo_run
from gpufix.engine.journal.undo_run import Changed, Undone
from gpufix.engine.run_context import EngineError

# When the other acts: while the run works, when it was killed, when its undo was killed as well, while
# undo works, and when all is over.
PHASES = ["during", "after", "between", "undo", "later"]


class Sweep:
    """One kind of step, played again and again on the same tree."""

    def __init__(self, above: Path, kind: str, patch: pytest.MonkeyPatch):
        self.above, self.kind, self.patch, self.kills = above, kind, patch, 0
        carry_out(
            self._patient(), self._steps
        )  # what is imported here is not imported in each child
        self.points = faults.run(self._run(self._patient())) or 0
        self.undo_points = faults.run(partial(finish, self._patient(done=True))) or 0

    def _patient(self, done: bool = False) -> Patient:
        shutil.rmtree(self.above / "root", ignore_errors=True)
        patient = trees.make(self.above / "root", 8)
        use_local_programs(self.patch, patient, 8)
        self._steps = STEPS[self.kind](patient)
        if done:
            carry_out(patient, self._steps)
        return patient

    def _run(self, patient: Patient) -> Callable[[], None]:
        return partial(_suppressed, partial(carry_out, patient, self._steps))

    def play(self, actor: str, phase: str, share: float) -> None:
        """Kill the run, or its undo, at this share of its points, while the other acts; undo it, and look."""
        patient = self._patient()
        other = Other(patient, actor, self.above / "told", spares=phase == "during")
        before = trees.state(patient)
        fatal, mid = 1 + int(share * (self.points - 1)), 1 + int(share * (self.undo_points - 1))
        odd = int(share * 9) % 2
        if phase in ("between", "undo") and odd:
            fatal = 0  # the run is kept
        acts = {fatal - 1 if odd else fatal // 2: other.act} if phase == "during" else None
        self.kills += faults.run(self._run(patient), fatal, acts=acts) is None
        if phase == "after":
            other.act()
        if phase == "between":
            self.kills += faults.run(partial(finish, patient), mid) is None
            other.act()
        if phase == "undo":
            faults.run(partial(finish, patient), acts={mid: other.act})
        told = finish(patient)
        if phase == "later":
            other.act()
            finish(patient)
        other.close()
        told += finish(patient)
        for row in told:
            assert_honest(row)
        assert other.lost() == []
        assert strange(before, trees.state(patient), patient, other.touched()) == {}


def _suppressed(action: Callable[[], object]) -> None:
    with suppress(EngineError):  # somebody was quicker: the run has failed, and is put back
        action()


def finish(patient: Patient) -> list[Undone]:
    """Undo what there is to undo, with consent where that is asked for."""
    told: list[Undone] = []
    for _ in range(8):
        waiting = runs.undoable(patient.state)
        last = runs.every(patient.state)[-1:]
        for run in last:
            programs.wait(run, 120.0, str)
        if not waiting:
            return told
        # As the command does: a program that is not even started yet holds the lock.
        with lock.held(patient.state, [str(patient.prefix)], "undo", wait=120.0):
            programs.wait(last[0], 120.0, str)
            told.append(_undo(waiting[-1]))
    raise AssertionError(told[-1].problems)


def _undo(run: runs.Run) -> Undone:
    with suppress(Changed):
        undone = undo_run.undo(run)
        if not undone.problems:
            return undone
    return undo_run.undo(runs.load(run.folder), force=True)


def assert_honest(undone: Undone) -> None:
    """What is named lies aside, and a command that is printed brings it back."""
    for path in undone.aside:
        pairs = [(place, root) for place, root in undone.back if f"{path}/".startswith(f"{root}/")]
        assert any(os.path.lexists(place + path.removeprefix(root)) for place, root in pairs), path


def strange(
    before: dict[str, Any], after: dict[str, Any], patient: Patient, touched: set[str]
) -> dict[str, Any]:
    """What differs though nobody else wrote it: of folders in which others did, the mode counts."""
    theirs = {str(Path(path).relative_to(patient.root)) for path in touched}
    above = {str(folder) for path in theirs for folder in Path(path).parents}
    found = trees.differences(before, after)
    return {
        path: (was, now)
        for path, (was, now) in found.items()
        if path not in theirs
        and not (path in above and (was is None or (now is not None and was[0] == now[0])))
    }


@pytest.fixture
def sweep(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Sweep]]:
    # The clock of a file system in memory is as fine as its ticks: what comes after a kill is seen.
    monkeypatch.setattr("gpufix.engine.journal.parts._SLACK", 0)
    yield lambda kind: Sweep(memory_path, kind, monkeypatch)


@pytest.mark.some(4)
@pytest.mark.parametrize("number", range(len(STEPS)))
def test_at_some_points(number: int, sweep: Callable[[str], Sweep]) -> None:
    """Each kind of step with each kind of actor, in a phase that goes round."""
    played = sweep(sorted(STEPS)[number])
    for turn, actor in enumerate(others.KINDS):
        phase = PHASES[(number + turn) % len(PHASES)]
        played.play(actor, phase, ((3 * number + 7 * turn) % 10 + 0.5) / 10)
    assert played.kills >= len(others.KINDS) - 1


@pytest.mark.slow
@pytest.mark.parametrize("actor", others.KINDS)
@pytest.mark.parametrize("kind", sorted(STEPS))
def test_at_many_points(kind: str, actor: str, sweep: Callable[[str], Sweep]) -> None:
    """Nine points of each: 2,250 in all."""
    played = sweep(kind)
    for phase in PHASES:
        for number in range(9):
            played.play(actor, phase, (number + 0.5) / 9)
    assert played.kills >= 40

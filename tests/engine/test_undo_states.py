"""Runs, kills, undos and a second actor in any order: hypothesis looks for one that loses a byte.

The states of a run (begun, guarded, done, applied, kept, undoing, reverted, restored, undone) are those
that the real engine reaches when it is killed, or when its writes fail, at any of its changes.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import faults
import pytest
import trees
from actors import Actor
from hypothesis import HealthCheck, settings, stateful
from hypothesis import strategies as st
from steps_for import STEPS, carry_out, use_local_programs
from trees import Patient

from gpufix.engine.journal import parts, runs, undo_run
from gpufix.engine.journal.undo_run import Changed
from gpufix.engine.run_context import EngineError

POINTS = st.integers(min_value=1, max_value=400)  # changes after which a kill or a failure comes
ERRORS = st.sampled_from([0, errno.ENOSPC, errno.EBUSY])  # 0: a kill
KINDS = ["reinstall", "upgrade", "build", "several", "remove", "write-installed", "environment"]


class Undoing(stateful.RuleBasedStateMachine):
    """One patient, whose tree must be what it was wherever nobody else has written."""

    def __init__(self) -> None:
        super().__init__()
        self.above = Path(tempfile.mkdtemp(prefix="gpufix-states-", dir=_memory()))
        self.patient = trees.make(self.above / "root", 6)
        self.patch = pytest.MonkeyPatch()
        use_local_programs(self.patch, self.patient, 6)
        self.patch.setattr(parts, "_SLACK", 0)
        self.first = trees.state(self.patient)
        self.actors: list[Actor] = []

    def waiting(self) -> bool:
        return bool(runs.undoable(self.patient.state))

    @stateful.precondition(lambda self: not self.waiting())
    @stateful.rule(kind=st.sampled_from(KINDS), point=POINTS, error=ERRORS, fails=st.booleans())
    def run(self, kind: str, point: int, error: int, fails: bool) -> None:
        """A run that is kept, killed, or whose writes fail."""
        steps = STEPS[kind](self.patient)
        action = partial(_suppressed, partial(carry_out, self.patient, steps))
        faults.run(action, point if fails else 0, error=error)

    @stateful.rule()
    def others_write(self) -> None:
        """Somebody else works in the tree."""
        self.actors.append(Actor(self.patient, f"actor{len(self.actors)}"))
        self.actors[-1].act()
        for earlier in self.actors[:-1]:  # who writes over another's file has destroyed it himself
            for path in self.actors[-1].wrote:
                earlier.wrote.pop(path, None)

    @stateful.precondition(lambda self: self.waiting())
    @stateful.rule(point=POINTS, error=ERRORS, fails=st.booleans(), force=st.booleans())
    def undo(self, point: int, error: int, fails: bool, force: bool) -> None:
        """An undo that ends, is killed, or whose writes fail."""
        action = partial(_undo, self.patient, force)
        faults.run(partial(_suppressed, action), point if fails else 0, error=error)

    @stateful.precondition(lambda self: self.waiting())
    @stateful.rule()
    def finish(self) -> None:
        """Undo with consent, undisturbed: it ends, and the tree is as it was."""
        undone = _undo(self.patient, force=True)
        assert undone.problems == ()
        self.compare()

    def compare(self) -> None:
        touched = {path for actor in self.actors for path in actor.touched}
        now = trees.state(self.patient)
        differing = trees.differences(_contents(self.first), _contents(now))
        named = {str(self.patient.root / path) for path in differing}
        assert named <= touched

    @stateful.invariant()
    def nothing_is_lost(self) -> None:
        assert [lost for actor in self.actors for lost in actor.lost()] == []

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.above)


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _suppressed(action: Any) -> None:
    with suppress(OSError, EngineError):
        action()


def _undo(patient: Patient, force: bool) -> undo_run.Undone:
    run = runs.undoable(patient.state)[-1]
    try:
        return undo_run.undo(run, force)
    except Changed as error:
        return undo_run.Undone(tuple(error.paths))


def _contents(state: dict[str, Any]) -> dict[str, Any]:
    """Kind and content: folders' times and link counts are whoever's who writes beside."""
    return {path: (found[0], found[-1]) for path, found in state.items() if len(found) > 2}


Quick = Undoing.TestCase
Quick.settings = settings(
    max_examples=12, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
class TestMany(Undoing.TestCase):
    settings = settings(
        max_examples=400,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

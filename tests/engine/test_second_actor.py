"""Somebody else writes while a step runs, after a kill, before an undo: none of it is ever lost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faults
import pytest
import trees
from actors import Actor
from steps_for import STEPS, builder, carry_out, installer, use_builder, use_local_programs
from trees import Patient

from gpufix.engine import child
from gpufix.engine.journal import runs, undo_run
from gpufix.engine.journal.undo_run import Changed
from gpufix.engine.run_context import StepFailed


def beside(program: Callable[..., Any], actor: Actor) -> Callable[..., Any]:
    """The program, while which somebody else works."""

    def run(*arguments: Any, **named: Any) -> Any:
        result = program(*arguments, **named)
        actor.act()
        return result

    return run


def use_programs_beside(
    monkeypatch: pytest.MonkeyPatch, patient: Patient, actor: Actor, ok: bool = True
) -> None:
    use_local_programs(monkeypatch, patient, files=12)
    monkeypatch.setattr(child, "run", beside(installer(patient, 12), actor))
    building = beside(builder(patient), actor)

    def run(*arguments: Any) -> Any:
        built = building(*arguments)
        built.ok, built.reason = ok, "no such kernel"
        return built

    use_builder(monkeypatch, run)


def but_theirs(state: dict[str, Any]) -> dict[str, Any]:
    """Without link counts, and times of folders, which whoever writes in them moves."""
    return {path: (found[0], found[-1]) for path, found in state.items() if len(found) > 2}


@pytest.mark.parametrize("kind", ["build", "upgrade", "several"])
def test_what_others_wrote_during_a_kept_run(
    kind: str, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, before = Actor(patient, "editor"), trees.state(patient)
    use_programs_beside(monkeypatch, patient, actor)
    folder = carry_out(patient, STEPS[kind](patient))
    undone = undo_run.undo(runs.load(folder))
    assert undone.problems == ()
    assert actor.lost() == []
    assert set(undone.aside) >= {str(patient.project / "checkpoint-editor.pt")} or kind == "upgrade"
    left = {p for p in map(Path, actor.wrote) if not str(p).startswith(str(patient.root / "env"))}
    differing = trees.differences(but_theirs(before), but_theirs(trees.state(patient)))
    named = {str(patient.root / path) for path in differing}
    assert named <= {str(p) for p in left}, "only what no step could touch"


def test_what_others_wrote_during_a_failed_build(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, before = Actor(patient, "editor"), trees.state(patient)
    use_programs_beside(monkeypatch, patient, actor, ok=False)
    with pytest.raises(StepFailed, match=r"put back; what may be somebody else's \(\d+\) lies in"):
        carry_out(patient, STEPS["build"](patient))
    assert actor.lost() == []
    assert trees.differences(but_theirs(before), but_theirs(trees.state(patient))) == {}


@pytest.mark.parametrize("kind", ["build", "reinstall", "several"])
def test_what_others_wrote_after_a_kill_is_asked_for(
    kind: str, memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Next day: refused and named; with force put aside."""

    def scene() -> tuple[Patient, Callable[[], object]]:
        shutil.rmtree(memory_path / "root", ignore_errors=True)
        patient = trees.make(memory_path / "root", 12)
        use_local_programs(monkeypatch, patient, files=12)
        return patient, partial(carry_out, patient, STEPS[kind](patient))

    total = faults.run(scene()[1])
    assert total is not None
    patient, action = scene()
    assert faults.run(action, fatal=int(total * 0.7)) is None
    monkeypatch.setattr("gpufix.engine.journal.parts._SLACK", 0)
    time.sleep(0.05)  # the clock of the file system is coarse
    actor = Actor(patient, "morning")
    actor.act()
    run = runs.find(patient.state, None)
    with pytest.raises(Changed) as refused:
        undo_run.undo(run)
    assert set(refused.value.paths) & set(actor.wrote)
    undone = undo_run.undo(runs.load(run.folder), force=True)
    assert undone.problems == ()
    assert actor.lost() == []

"""A journal that is gone, or has lost its end: what it does not tell is never said to be restored."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trees
from steps_for import STEPS, builder, carry_out, use_builder
from trees import Patient

from gpufix.engine.journal import listing, runs, undo_run
from gpufix.engine.journal.journal import line, parse
from gpufix.engine.run_context import CorruptJournal, Refused, RunContext, StepFailed


def removed(folder: Path) -> None:
    """As `rm -rf` of the state directory does."""
    shutil.rmtree(folder)


def unlinked(folder: Path) -> None:
    """The journal alone."""
    (folder / "journal").unlink()


def emptied(folder: Path) -> None:
    """As a shell does that writes nothing into it."""
    (folder / "journal").write_bytes(b"")


@pytest.mark.parametrize("lose", [removed, unlinked, emptied])
def test_a_failed_step_whose_journal_is_gone(
    lose: Callable[[Path], None], here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(step: Any, context: RunContext) -> None:
        builder(here)(step, context)
        assert context.folder is not None
        lose(context.folder)
        raise StepFailed("no such kernel")

    use_builder(monkeypatch, run)
    with pytest.raises(StepFailed, match="not everything could be restored") as raised:
        carry_out(here, STEPS["build"](here))
    assert not raised.value.put_back


@pytest.mark.parametrize("lose", [removed, unlinked, emptied])
def test_a_run_whose_journal_is_gone_is_not_undone(
    lose: Callable[[Path], None], here: Patient
) -> None:
    folder = carry_out(here, STEPS["several"](here))
    lose(folder)
    changed = trees.state(here)
    with pytest.raises(CorruptJournal):
        undo_run.undo(runs.load(folder), force=True)
    assert trees.state(here) == changed


@pytest.mark.parametrize("lose", [unlinked, emptied])
def test_what_it_kept_is_listed_and_given_up_by_force(
    lose: Callable[[Path], None], here: Patient
) -> None:
    folder = carry_out(here, STEPS["several"](here))
    lose(folder)
    (run,) = runs.every(here.state)
    assert (run.state, runs.kept_bytes(run) > 0) == ("damaged", True)
    with pytest.raises(Refused, match="--forget --force"):
        runs.forget(run)
    runs.forget(run, force=True)
    assert [(r.state, runs.kept_bytes(r)) for r in runs.every(here.state)] == [("forgotten", 0)]


def test_a_journal_that_has_lost_its_end(here: Patient) -> None:
    """Cut off anywhere: it is damaged, or what is said to be undone is as it was."""
    before = trees.state(here)
    folder = carry_out(here, STEPS["several"](here))
    whole = (folder / "journal").read_bytes()
    done = whole.rindex(b"\n", 0, whole.index(b'"type": "applied"'))
    for end in {*range(0, len(whole), 97), done - 1, done}:
        (folder / "journal").write_bytes(whole[:end])
        state = runs.load(folder).state
        assert (state == "damaged") == (end < whole.rindex(b"\n", 0, done)), end
        if state == "damaged":
            with pytest.raises(CorruptJournal):
                undo_run.undo(runs.load(folder), force=True)
    (folder / "journal").write_bytes(whole[:done])
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(here)) == {}


def _elsewhere(patient: Patient, rows: list[dict[str, Any]]) -> None:
    """Scopes that lie where the first row allows nothing."""
    for row in rows:
        for part in row.get("scopes", []):
            if "scope" in part:
                path = part["scope"]["path"]
                part["scope"]["path"] = path.replace(
                    str(patient.project), str(patient.root / "mine")
                )


def _climbing(patient: Patient, rows: list[dict[str, Any]]) -> None:
    """A listing that leads out of its scope."""
    (folder,) = (patient.state / "runs").iterdir()
    for row in rows:
        for part in row.get("scopes", []) if row["type"] == "done" else []:
            part["sha256"] = listing.save(folder / part["listing"], {"../../mine/new.h": None})


@pytest.mark.parametrize("forge", [_elsewhere, _climbing])
def test_a_journal_that_leads_elsewhere_is_not_obeyed(
    forge: Callable[[Patient, list[dict[str, Any]]], None], here: Patient
) -> None:
    folder = carry_out(here, STEPS["write-project"](here))
    mine = here.root / "mine"
    mine.mkdir()
    (mine / "new.h").write_text("#pragma once\n")
    rows, _ = parse((folder / "journal").read_bytes())
    forge(here, rows)
    (folder / "journal").write_bytes(b"".join(map(line, rows)))
    state = trees.state(here)
    with pytest.raises(CorruptJournal, match="makes no sense"):
        undo_run.undo(runs.load(folder), force=True)
    assert trees.state(here) == state


def test_a_state_directory_that_was_moved(here: Patient) -> None:
    """What it keeps moved with it; a journal cannot lead to bytes elsewhere."""
    before = trees.state(here)
    folder = carry_out(here, STEPS["build"](here))
    moved = here.root / "elsewhere"
    (here.state / "runs").rename(moved)
    undone = undo_run.undo(runs.load(moved / folder.name))
    assert undone.problems == ()
    shutil.rmtree(moved)
    after = trees.but_links(trees.state(here))
    assert trees.differences(trees.but_links(before), after) == {}

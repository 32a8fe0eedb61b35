"""Undoing a run: where its bytes are kept, what speaks against it, and what could not be put back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import trees
from steps_for import STEPS, carry_out, use_local_programs
from trees import Patient

from gpufix.engine.journal import runs, undo_run
from gpufix.engine.journal.guard import Guard
from gpufix.engine.journal.journal import Journal
from gpufix.engine.journal.listing import Scope
from gpufix.engine.journal.restore import Restorer
from gpufix.engine.journal.undo_run import Changed, Preview, Undone
from gpufix.model import Remove


def test_a_finished_run_is_not_undone_over_later_changes(patient: Patient) -> None:
    before = trees.state(patient)
    folder = carry_out(patient, STEPS["write-project"](patient))
    setup = patient.project / "setup.py"
    setup.write_text("mine()\n")
    with pytest.raises(Changed) as refused:
        undo_run.undo(runs.load(folder))
    assert refused.value.paths == [str(setup)]
    assert setup.read_text() == "mine()\n" and runs.load(folder).state == "kept"
    assert undo_run.undo(runs.load(folder), force=True).problems == ()
    assert trees.differences(before, trees.state(patient)) == {}
    assert undo_run.undo(runs.load(folder)).problems == (), "once more is the same"


def test_what_was_put_into_a_folder_that_the_run_made_speaks_against_it(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_local_programs(monkeypatch, patient, files=12)
    folder = carry_out(patient, STEPS["upgrade"](patient))
    made = patient.site / "dependency"
    (made / "part1" / "__pycache__").mkdir()  # bytecode comes and goes
    (patient.site / "other" / "mine.py").touch()  # a folder that was there before
    assert (made / "part1").is_dir()
    (made / "part1" / "mine.py").touch()
    with pytest.raises(Changed) as refused:
        undo_run.undo(runs.load(folder))
    assert refused.value.paths == [str(made / "part1" / "mine.py")]
    (made / "part1" / "mine.py").unlink()
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert not made.exists() and (patient.site / "other" / "mine.py").exists()


def test_what_an_undo_would_do_is_told_before(patient: Patient) -> None:
    folder = carry_out(patient, STEPS["write-project"](patient))
    setup, new = (str(patient.project / name) for name in ("setup.py", "new.h"))
    assert undo_run.preview(runs.load(folder)) == Preview((setup,), (new,), ())
    Path(setup).write_text("mine()\n")
    assert undo_run.preview(runs.load(folder)) == Preview((setup,), (new,), (setup,))
    assert Path(new).exists(), "a look changes nothing"
    undo_run.undo(runs.load(folder), force=True)
    assert undo_run.preview(runs.load(folder)) == Preview((), (), ())


@pytest.mark.parametrize("force", [False, True])
def test_the_journal_tells_whether_an_undo_was_forced(force: bool, patient: Patient) -> None:
    folder = carry_out(patient, STEPS["write-project"](patient))
    undo_run.undo(runs.load(folder), force)
    row = runs.load(folder).row("undoing")
    assert row is not None and row["force"] is force


def test_nobody_has_forced_what_a_run_takes_back_itself(patient: Patient) -> None:
    folder = carry_out(patient, STEPS["write-project"](patient))
    undo_run.rollback(runs.load(folder))
    row = runs.load(folder).row("undoing")
    assert row is not None and row["force"] is False


def test_success_is_told_after_a_look(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = carry_out(patient, STEPS["write-project"](patient))
    monkeypatch.setattr(Restorer, "restore", lambda self, keys: None)
    new = patient.project / "new.h"
    problems = undo_run.undo(runs.load(folder)).problems
    assert problems == (f"{new} is not as it was",), "what came before it is not touched"
    assert runs.load(folder).state == "interrupted", "it can be tried again"
    monkeypatch.undo()
    assert undo_run.undo(runs.load(folder)).problems == ()


def test_one_step_is_taken_back_and_the_one_before_it_stays(patient: Patient) -> None:
    folder = carry_out(patient, STEPS["write-project"](patient))
    setup, new = patient.project / "setup.py", patient.project / "new.h"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Restorer, "restore", lambda self, keys: None)
        told = undo_run.revert(runs.load(folder), 1)
        assert told.problems == (f"{new} is not as it was",)
    assert undo_run.revert(runs.load(folder), 1) == Undone()
    assert (setup.read_text(), new.exists()) == ("better()\n", False)


def test_of_very_many_problems_twenty_are_told(patient: Patient) -> None:
    entry = patient.cache / "my_ext"
    for number in range(30):
        (entry / f"{number}.o").write_text("x")
    folder = carry_out(patient, [Remove(path=str(entry))])
    shutil.rmtree(folder / "kept")
    problems = undo_run.undo(runs.load(folder)).problems
    assert len(problems) == 20
    assert all("its bytes were not kept" in problem for problem in problems)


def guarded(folder: Path, *scopes: Scope) -> list[str]:
    """Two steps that change nothing; where they keep what they may touch."""
    folder.mkdir(parents=True)
    with Journal(folder / "journal") as journal:
        for step in range(2):
            guard = Guard(journal, folder, step)
            guard.open(scopes)
            guard.close()
        rows = [row for row in journal.rows if row["type"] == "guard"]
        assert [r["folder"] for r in journal.rows if r["type"] == "near"] == sorted(
            {str(Path(s["kept"]).parent) for row in rows for s in row["scopes"]}
            - {str(folder / "kept")}
        )
    return [s["kept"] for row in rows for s in row["scopes"]]


def test_bytes_are_kept_in_the_runs_own_folder(patient: Patient) -> None:
    folder = patient.state / "runs" / "1"
    scope = Scope(str(patient.site), near=str(patient.prefix))
    assert guarded(folder, scope) == [str(folder / "kept" / f"{step}-0") for step in range(2)]
    assert [p for p in (folder / "kept").rglob("*") if p.is_file()] == [], "nothing has changed"


@pytest.mark.needs("/dev/shm")
def test_beside_the_patient_where_only_there_links_are_possible(
    patient: Patient, tmp_path: Path
) -> None:
    folder = tmp_path / "state" / "runs" / "1"
    assert tmp_path.stat().st_dev != patient.root.stat().st_dev
    before = trees.state(patient)
    near = patient.prefix / ".gpufix-kept-1"
    kept = guarded(folder, Scope(str(patient.site), near=str(patient.prefix)))
    assert kept == [str(near / f"{step}-0") for step in range(2)]
    shutil.rmtree(near)
    os.utime(patient.prefix, ns=(trees.OLD, trees.OLD))
    differing = trees.differences(before, trees.state(patient))
    assert set(differing) <= {"env"}

"""Runs by their journals: their state, which is chosen, what they keep, and what is given up."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import Any

import attributes
import pytest

from gpufix.engine.journal import mark, runs
from gpufix.engine.journal.journal import Journal
from gpufix.engine.journal.runs import Run
from gpufix.engine.journal.undo_run import Changed, undo
from gpufix.engine.run_context import CorruptJournal, NothingToUndo, Refused, UnknownRun


def written(state: Path, *kinds: str, time: float = 1.0, prefix: str = "/env") -> Run:
    """A run whose journal has rows of these kinds."""
    folder = runs.create(state)
    with Journal(folder / "journal") as journal:
        for kind in kinds:
            fields = {"time": time, "prefix": prefix} if kind == "begin" else {}
            journal.append(kind, **fields)
    return runs.load(folder)


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([], "empty"),
        (["begin"], "interrupted"),
        (["begin", "guard", "done", "applied"], "interrupted"),
        (["begin", "applied", "end"], "kept"),
        (["begin", "applied", "end", "undoing"], "interrupted"),
        (["begin", "undoing", "restored"], "interrupted"),
        (["begin", "applied", "end", "undoing", "restored", "undone"], "undone"),
        (["begin", "applied", "end", "forgotten"], "forgotten"),
        (["begin", "forgotten"], "forgotten"),
    ],
)
def test_the_state_of_a_run(kinds: list[str], state: str, tmp_path: Path) -> None:
    run = written(tmp_path, *kinds)
    assert run.state == state
    assert [r.id for r in runs.undoable(tmp_path)] == (
        [run.id] if state in ("interrupted", "kept") else []
    )
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "data", [b"x\ny", b"00000002 00000000 {}\nmore\n", b"00000001 %08x {\n" % zlib.crc32(b"{")]
)
def test_a_journal_that_cannot_be_read(data: bytes, tmp_path: Path) -> None:
    folder = runs.create(tmp_path)
    assert runs.load(folder).state == "empty"
    (folder / "journal").write_bytes(data)
    assert runs.load(folder).state == "damaged"
    (folder / "journal").unlink()
    (folder / "journal").mkdir()
    assert runs.load(folder).state == "damaged"


def test_the_last_one_is_chosen_and_an_interrupted_one_before_it(tmp_path: Path) -> None:
    with pytest.raises(NothingToUndo):
        runs.find(tmp_path, None)
    first = written(tmp_path, "begin", "end", time=1)
    last = written(tmp_path, "begin", "end", time=3)
    middle = written(tmp_path, "begin", "end", time=2)
    written(tmp_path, "begin", "end", "undone", time=9)
    assert [r.id for r in runs.every(tmp_path)][:3] == [first.id, middle.id, last.id]
    assert runs.find(tmp_path, None).id == last.id
    assert runs.find(tmp_path, first.id).id == first.id
    early = written(tmp_path, "begin", time=1.5)
    assert runs.find(tmp_path, None).id == early.id
    late = written(tmp_path, "begin", time=2.5)
    assert runs.find(tmp_path, None).id == late.id
    with pytest.raises(UnknownRun, match="'no-such'"):
        runs.find(tmp_path, "no-such")


def test_the_patients_own_is_chosen(tmp_path: Path) -> None:
    mine = written(tmp_path, "begin", "end", time=1, prefix="/mine")
    written(tmp_path, "begin", "end", time=2, prefix="/other")
    cut_off = written(tmp_path, "begin", time=1, prefix="/other")
    later = written(tmp_path, "begin", time=2, prefix="/other")
    assert runs.find(tmp_path, None, "/mine").id == mine.id
    assert runs.interrupted(tmp_path, "/mine") is None
    assert cut_off.id != later.id
    found = runs.interrupted(tmp_path, "/other")
    assert found is not None and found.id == later.id


@pytest.mark.parametrize(
    ("kinds", "waits"),
    [
        (None, False),  # its state directory is gone
        ([], False),
        (["begin", "end"], False),
        (["begin", "end", "undone"], False),
        (["begin", "forgotten"], False),
        (["begin"], True),
        (["begin", "end", "undoing"], True),
    ],
)
def test_a_run_that_another_state_directory_holds_is_known_by_its_mark(
    kinds: list[str] | None, waits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes.held(monkeypatch)
    folders = [str(tmp_path / "env"), str(tmp_path / "project")]
    assert runs.marked(*folders) is None
    folder = tmp_path / "gone" if kinds is None else written(tmp_path / "theirs", *kinds).folder
    mark.put(folder, {"prefix": "", "project": folders[1]})
    assert runs.marked(*folders) == (folder if waits else None)


def test_so_is_one_whose_journal_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes.held(monkeypatch)
    folder = runs.create(tmp_path / "theirs")
    (folder / "journal").mkdir()
    mark.put(folder, {"prefix": str(tmp_path / "env")})
    assert runs.marked(str(tmp_path / "env")) == folder


def test_before_a_damaged_run_none_is_chosen(tmp_path: Path) -> None:
    mine = written(tmp_path, "begin", "end", time=1, prefix="/mine")
    damaged = runs.create(tmp_path)
    (damaged / "journal").write_bytes(b"x\ny")
    with pytest.raises(CorruptJournal, match=damaged.name):
        runs.find(tmp_path, None, "/mine")
    assert runs.find(tmp_path, mine.id).id == mine.id
    os.utime(damaged, (0, 0))  # a run without a journal is as old as its folder
    assert runs.find(tmp_path, None, "/mine").id == mine.id


def keeping(state: Path, patient: Path) -> Run:
    """A kept run with bytes in its own folder and beside the patient."""
    run = written(state, "begin", "end")
    near = patient / f".gpufix-kept-{run.id}"
    with Journal(run.journal) as journal:
        journal.append("near", folder=str(near))
        journal.append("near", folder=str(patient / "not-ours"))
        journal.append("guard", step=0, scopes=[])
    for folder in (near, run.folder / "kept", patient / "not-ours"):
        folder.mkdir()
        (folder / "alone").write_bytes(b"12345")
        (folder / "shared").write_bytes(b"123")
        os.link(folder / "shared", folder.parent / f"{folder.name}-link")
    for name in ("before-0-0", "after-0-0", "pip.log"):
        (run.folder / name).touch()
    return runs.load(run.folder)


def test_what_a_run_keeps_is_counted_and_given_up(tmp_path: Path) -> None:
    patient = tmp_path / "env"
    patient.mkdir()
    run = keeping(tmp_path / "state", patient)
    assert runs.kept_bytes(run) == 10, "what nothing else holds, in both folders"
    os.utime(patient, ns=(5, 5))
    runs.forget(run)
    assert sorted(p.name for p in patient.iterdir()) == [
        f".gpufix-kept-{run.id}-link", "not-ours", "not-ours-link",
    ]  # fmt: skip
    assert patient.stat().st_mtime_ns == 5
    left = {p.name for p in run.folder.iterdir()}
    assert left == {"journal", "pip.log", "kept-link", "forgotten"}
    assert runs.load(run.folder).state == "forgotten"
    runs.forget(runs.load(run.folder))
    with pytest.raises(Refused, match="cannot be undone"):
        undo(runs.load(run.folder))


def test_a_link_in_the_place_of_what_was_kept_is_left(tmp_path: Path) -> None:
    run = written(tmp_path / "state", "begin", "end")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").touch()
    (run.folder / "kept").symlink_to(mine)
    runs.discard(run)
    assert (mine / "file").exists() and (run.folder / "kept").is_symlink()


@pytest.mark.parametrize(
    ("kinds", "there", "allowed"),
    [
        (["begin", "end"], True, True),
        (["begin"], True, False),  # it waits for an undo
        (["begin"], False, True),  # of an environment that is gone
        (["begin", "end", "undone"], True, True),  # with what undo has put aside
    ],
)
def test_which_runs_may_be_given_up(
    kinds: list[str], there: bool, allowed: bool, tmp_path: Path
) -> None:
    prefix = tmp_path / "env"
    if there:
        prefix.mkdir()
    run = written(tmp_path / "state", *kinds, prefix=str(prefix))
    if allowed:
        runs.forget(run)
    else:
        with pytest.raises(Refused, match="would stay half done"):
            runs.forget(run)
        runs.forget(run, force=True)
    state = "undone" if "undone" in kinds else "forgotten"
    assert runs.load(run.folder).state == state


def changing(prefix: Path, project: Path | None, *paths: Path) -> Run:
    begin: dict[str, Any] = {"type": "begin", "prefix": str(prefix)}
    begin["project"] = None if project is None else str(project)
    scopes = [{"scope": {"path": str(path)}} for path in paths]
    return Run(Path("/runs/1"), [begin, {"type": "guard", "scopes": scopes}], "kept")


@pytest.mark.parametrize(
    ("below", "state", "said"),
    [
        ("env", "there", None),
        ("env", "gone", "which is no longer there"),
        ("env", "moved", "where there now is a link to"),
        ("env/lib", "gone", "which is no longer there"),
        ("env2", "gone", None),  # the run has changed nothing in it
        (".", "gone", None),
    ],
)
@pytest.mark.parametrize("what", ["environment", "project"])
def test_what_has_moved_is_not_undone_elsewhere(
    what: str, below: str, state: str, said: str | None, tmp_path: Path
) -> None:
    other, folder = tmp_path / "other", tmp_path / "env"
    other.mkdir()
    if state == "there":
        folder.mkdir()
    if state == "moved":
        folder.symlink_to(other)
    pair = (folder, other) if what == "environment" else (other, folder)
    run = changing(*pair, tmp_path / below)
    if said is None:
        runs.require_there(run)
        return
    with pytest.raises(Refused, match=f"the {what} {folder}, {said}"):
        runs.require_there(run)


def test_a_run_without_a_project_asks_for_none(tmp_path: Path) -> None:
    runs.require_there(changing(tmp_path, None, tmp_path))


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["a"], "changed since that run: a"),
        (["a", "b", "c"], "changed since that run: a, b, c"),
        (["a", "b", "c", "d", "e"], "changed since that run: a, b, c and 2 more"),
    ],
)
def test_what_was_changed_since_is_named(paths: list[str], said: str) -> None:
    assert str(Changed(paths)) == said

"""What a step may touch is kept before it acts, and what it made is handed over after."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from gpufix.engine.journal.guard import Guard
from gpufix.engine.journal.listing import Scope, load
from gpufix.engine.run_context import StepFailed

NOBODY = 65534


class Rows:
    """A journal that keeps its rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def append(self, kind: str, **row: Any) -> None:
        self.rows.append({"type": kind, **row})

    def near(self) -> list[str]:
        return [row["folder"] for row in self.rows if row["type"] == "near"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder, as below a state directory."""
    folder = tmp_path / "state" / "runs" / "one"
    folder.mkdir(parents=True)
    return folder


def patient(top: Path) -> Path:
    (top / "env").mkdir()
    (top / "env" / "file").write_bytes(b"before")
    return top / "env"


def guard(run: Path, journal: Rows, step: int = 1) -> Guard:
    return Guard(journal, run, step)  # type: ignore[arg-type]


def test_on_one_file_system_nothing_lies_beside_the_patient(tmp_path: Path, run: Path) -> None:
    env, journal = patient(tmp_path), Rows()
    guard(run, journal).open([Scope(str(env), near=str(tmp_path))])
    assert journal.near() == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["env", "state"]
    (kept,) = (run / "kept" / "1-0").iterdir()
    assert kept.samefile(env / "file")  # a link, no copy


@pytest.mark.needs("/dev/shm")
def test_on_two_its_links_lie_beside_the_patient_and_the_journal_says_so_first(
    memory_path: Path, run: Path
) -> None:
    env, journal = patient(memory_path), Rows()
    scope = Scope(str(env), near=str(memory_path))
    for step in (1, 2):
        guard(run, journal, step).open([scope])
    (beside,) = memory_path.glob(".gpufix-kept-*")
    assert journal.near() == [str(beside)]  # once, or undo would look for two
    assert journal.rows[0]["type"] == "near"
    (kept,) = (beside / "1-0").iterdir()
    assert kept.samefile(env / "file")
    assert not (run / "kept").exists()


@pytest.mark.parametrize("change", ["written", "removed", "added", "mode", None])
def test_what_changed_in_a_folder_of_others_fails_the_step(
    tmp_path: Path, run: Path, change: str | None
) -> None:
    env, journal = patient(tmp_path), Rows()
    watched = guard(run, journal)
    watched.open([Scope(str(env), through=str(tmp_path / "link"))])
    file = env / "file"
    if change == "written":
        file.unlink()
        file.write_bytes(b"after")
    elif change == "removed":
        file.unlink()
    elif change == "added":
        (env / "more").touch()
    elif change == "mode":
        file.chmod(0o600)
    if change is None:
        watched.close()
        assert journal.rows[-1]["type"] == "done"
    else:
        with pytest.raises(StepFailed, match="outside the environment"):
            watched.close()


@pytest.mark.needs("root")
@pytest.mark.parametrize("through", [None, "link"], ids=["the patient's", "another's"])
def test_what_root_adds_becomes_the_owners(tmp_path: Path, run: Path, through: str | None) -> None:
    env, journal = patient(tmp_path), Rows()
    for path in (env, env / "file"):
        os.chown(path, NOBODY, NOBODY)
    watched = guard(run, journal)
    watched.open([Scope(str(env), through=through)])
    (env / "more").touch()
    if through:
        with pytest.raises(StepFailed):
            watched.close()
    else:
        watched.close()
    assert (env / "more").stat().st_uid == (0 if through else NOBODY)


def test_whether_what_is_there_is_what_was_kept(tmp_path: Path, run: Path) -> None:
    env, watched = patient(tmp_path), guard(run, Rows())
    watched.open([Scope(str(env))])
    file = env / "file"
    assert watched.holds(str(file))
    assert not watched.holds(str(env / "more"))
    assert not watched.holds(f"{env}file")
    file.unlink()
    assert not watched.holds(str(file))
    file.write_bytes(b"after!")
    assert not watched.holds(str(file))


def test_what_has_not_changed_is_let_go_of(tmp_path: Path, run: Path) -> None:
    env, watched = patient(tmp_path), guard(run, Rows())
    (env / "other").write_bytes(b"other")
    watched.open([Scope(str(env), policy="copy")])
    (env / "file").unlink()
    watched.close()
    assert [p.read_bytes() for p in (run / "kept" / "1-0").iterdir()] == [b"before"]


@pytest.mark.parametrize("ago", [0, 3600])
def test_what_a_step_does_at_once_or_later_is_seen(
    ago: int, tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of files ticks in steps; what did not change since is not asked again."""
    env, journal = patient(tmp_path), Rows()
    (env / "other").write_bytes(b"other")
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + ago * 10**9)
    step = guard(run, journal)
    step.open([Scope(str(env))])
    time.sleep(0.02 if ago else 0)
    (env / "file").chmod(0o600)
    (env / "file").write_bytes(b"after.")
    step.close()
    (row,) = journal.rows[-1]["scopes"]
    assert [*load(run / row["listing"], row["sha256"])] == ["file"]
    assert sorted(p.name for p in (run / "kept" / "1-0").iterdir()) == ["2"], "the file only"

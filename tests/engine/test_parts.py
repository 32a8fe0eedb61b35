"""What a journal says of the paths that its steps could touch, and who has changed them since."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpufix.engine.journal import listing as states
from gpufix.engine.journal import parts
from gpufix.engine.journal.listing import Listing, Scope, changed
from gpufix.engine.journal.runs import Run
from gpufix.engine.run_context import CorruptJournal

SECOND = 10**9  # ns
Deed = Callable[[Path], object]


def environment(top: Path) -> Path:
    env = top / "env"
    (env / "lib").mkdir(parents=True)
    for name in ("file", "lib/other"):
        (env / name).write_text(name)
        os.utime(env / name, ns=(SECOND, SECOND))
    return env


class Steps:
    """A run in which each step does something to one environment."""

    def __init__(self, top: Path) -> None:
        self.env, self._folder = environment(top), top / "run"
        self._folder.mkdir()
        self._scope = Scope(str(self.env), skip=(".git",))
        self.rows: list[dict[str, Any]] = [{"type": "begin"}]

    def step(self, deed: Deed, finished: bool = True, **row: int) -> None:
        number = len(self.rows)
        before = states.take(self._scope)
        deed(self.env)
        noted = self._saved(f"before-{number}", before)
        kept = str(self._folder / "kept" / str(number))
        scopes = [{**noted, "scope": self._scope.record(), "kept": kept}]
        self.rows.append({"type": "guard", "step": number, "scopes": scopes, **row})
        if finished:
            after = states.take(self._scope, before)
            told = {key: after.get(key) for key in changed(before, after)}
            done = [self._saved(f"after-{number}", told)]
            self.rows.append({"type": "done", "step": number, "scopes": done})

    def _saved(self, name: str, listing: Listing | dict[str, Any]) -> dict[str, str]:
        return {"listing": name, "sha256": states.save(self._folder / name, dict(listing))}

    def run(self) -> Run:
        return Run(self._folder, self.rows, "kept")

    def unlike(self) -> list[str]:
        found = parts.unlike(parts.of(self.run()))
        return sorted(os.path.relpath(path, self.env) for path in found)

    def since(self) -> list[str]:
        found = parts.changed_since(self.run(), parts.of(self.run()))
        return [os.path.relpath(path, self.env) for path in found]


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


def nothing(env: Path) -> None:
    pass


def write(env: Path, name: str = "file", text: str = "after") -> None:
    (env / name).unlink(missing_ok=True)
    (env / name).parent.mkdir(exist_ok=True)
    (env / name).write_text(text)


def add(env: Path) -> None:
    write(env, "new/file")


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        (nothing, []),
        (lambda env: os.utime(env / "lib"), []),
        (write, ["file"]),
        (lambda env: (env / "file").chmod(0o600), ["file"]),
        (lambda env: (env / "file").unlink(), ["file"]),
        (add, ["new", "new/file"]),
        (lambda env: shutil.rmtree(env / "lib"), ["lib", "lib/other"]),
    ],
)
def test_what_is_not_as_it_was(
    finished: bool, deed: Deed, expected: list[str], steps: Steps
) -> None:
    steps.step(deed, finished)
    assert steps.unlike() == expected


def test_what_is_back_is_as_it_was(steps: Steps) -> None:
    steps.step(add)
    shutil.rmtree(steps.env / "new")
    assert steps.unlike() == []


def test_the_state_before_the_first_step_that_touched_it_counts(steps: Steps) -> None:
    steps.step(lambda env: (env / "file").rename(env / "away"))
    steps.step(lambda env: (env / "away").rename(env / "file"))
    assert steps.unlike() == []
    steps.step(lambda env: write(env, "away"))
    steps.step(lambda env: write(env, "away", "again"))
    assert steps.unlike() == ["away"]
    (part, key) = parts.unlike(parts.of(steps.run()))[str(steps.env / "away")]
    assert (part.before.get(key), part.step) == (None, 1)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (nothing, []),
        (lambda env: write(env, "lib/other"), []),  # the run had not touched it
        (lambda env: write(env, "mine"), []),
        (lambda env: write(env, "new/__pycache__/file.pyc"), []),
        (lambda env: os.utime(env / "new"), []),
        # and what an undo would take away
        (lambda env: write(env, text="and later"), ["file"]),
        (lambda env: (env / "file").unlink(), ["file"]),
        (lambda env: write(env, "new/file", "and later"), ["new/file"]),
        (lambda env: write(env, "new/mine"), ["new/mine"]),
        (lambda env: write(env, "gone"), ["gone"]),
        (lambda env: shutil.rmtree(env / "new"), ["new", "new/file"]),
    ],
)
def test_what_somebody_changed_after_the_run(
    later: Deed, expected: list[str], steps: Steps
) -> None:
    write(steps.env, "gone")
    steps.step(lambda env: (write(env), add(env), (env / "gone").unlink()))
    later(steps.env)
    assert steps.since() == expected


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (nothing, []),
        (lambda env: write(env, "new/.git/mine"), ["new/.git/mine"]),
        (lambda env: write(env, ".git/mine"), []),  # not the step's folder: no undo takes it
    ],
)
def test_what_a_step_has_cloned_is_its_own(later: Deed, expected: list[str], steps: Steps) -> None:
    steps.step(lambda env: (add(env), (env / "new/.git").mkdir(), write(env, "new/.git/HEAD")))
    later(steps.env)
    assert steps.since() == expected


@pytest.mark.parametrize(
    ("seconds", "theirs"),
    [(-60, False), (0, False), (4, False), (6, True), (60, True), (None, False)],
)
def test_in_a_step_that_was_cut_off_what_came_long_after_the_last_sign_is_somebodys(
    seconds: int | None, theirs: bool, steps: Steps
) -> None:
    """Clocks of file systems are coarse, and machines busy: some seconds are the run's."""
    steps.step(write, finished=False)
    if seconds is not None:
        changed_at = (steps.env / "file").stat().st_ctime_ns
        steps.rows[-1]["at"] = changed_at - seconds * SECOND
    assert steps.since() == (["file"] if theirs else [])


@pytest.mark.parametrize("latest", ["guard", "writing", "pip.log", "heartbeat"])
def test_the_last_sign_of_a_run_is_the_latest(latest: str, steps: Steps) -> None:
    steps.step(nothing, at=1 * SECOND)
    run = steps.run()
    run.rows.append({"type": "writing", "path": "/a", "sha256": "0", "at": 2 * SECOND})
    run.rows.append({"type": "undoing", "at": 90 * SECOND})  # an undo is no life of the run's
    for number, name in enumerate(("pip.log", "heartbeat"), 3):
        (run.folder / name).touch()
        os.utime(run.folder / name, ns=(number * SECOND, number * SECOND))
    if latest in ("guard", "writing"):
        row = next(row for row in run.rows if row["type"] == latest)
        row["at"] = 9 * SECOND
    else:
        os.utime(run.folder / latest, ns=(9 * SECOND, 9 * SECOND))
    assert parts.last_sign(run) == 9 * SECOND


@pytest.mark.parametrize(
    "damage",
    [
        lambda guard, done: guard.pop("step"),
        lambda guard, done: guard.update(scopes=None),
        lambda guard, done: guard.update(scopes=[None]),
        lambda guard, done: guard["scopes"][0].pop("scope"),
        lambda guard, done: guard["scopes"][0].update(scope=None),
        lambda guard, done: guard["scopes"][0].update(kept=1),
        lambda guard, done: done["scopes"].append(done["scopes"][0]),
        lambda guard, done: done.update(scopes=7),
    ],
)
def test_a_journal_that_makes_no_sense_is_told(
    damage: Callable[[dict[str, Any], dict[str, Any]], object], steps: Steps
) -> None:
    steps.step(write)
    damage(*steps.rows[1:])
    with pytest.raises(CorruptJournal, match="the journal of run makes no sense"):
        parts.of(steps.run())

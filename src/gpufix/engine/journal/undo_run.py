"""Undoes a run from its journal, and removes its temporary folder."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpufix.engine.journal import listing as states
from gpufix.engine.journal import runs
from gpufix.engine.journal.journal import Journal
from gpufix.engine.journal.keep import place
from gpufix.engine.journal.listing import PARENT, ListedEntry, Scope, changed, equal, matters
from gpufix.engine.journal.restore import Restorer
from gpufix.engine.journal.runs import Run
from gpufix.engine.run_context import EngineError, Refused, RunContext
from gpufix.frozen import Frozen

_SHOWN = 20


class Changed(EngineError):
    """Files that the run had written were changed since; undoing would overwrite that."""

    def __init__(self, paths: list[str]):
        self.paths = paths
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        super().__init__(f"changed since that run: {', '.join(paths[:3])}{more}")


class _Part(Frozen):
    """One scope of one step: its state before, and after when the step was finished."""

    step: int
    scope: Scope
    before: dict[str, ListedEntry | None]
    after: dict[str, ListedEntry | None] | None
    kept: Path

    def path(self, key: str) -> str:
        return f"{self.scope.path}/{key}" if key else self.scope.path


def undo(run: Run, force: bool = False) -> list[str]:
    """Put everything back; returns what could not be. The caller holds the patient's lock.

    Raises Changed (unless `force`) when files of a finished run were changed since; Refused, Corrupt.
    """
    if run.state == "forgotten":
        raise Refused(f"the kept files of {run.id} were given up: it cannot be undone")
    if run.state in ("empty", "undone"):
        return []
    problems: list[str] = []
    with Journal(run.journal) as journal:
        if run.row("restored") is None:
            parts = list(_parts(run))
            if run.state == "kept" and not force:
                _refuse_overwriting(parts)
            journal.append("undoing")
            problems = _restore(parts, journal)
        if not problems:
            _forget_kept(run, journal)
    return problems


def rollback(run: Run) -> list[str]:
    """Undo within the run that failed: also where the journal can no longer be written."""
    problems = _restore(list(_parts(run)), None)
    if problems:
        return problems
    try:
        with Journal(run.journal) as journal:
            _forget_kept(run, journal)
    except OSError:
        pass  # the disk is full: `gpufix undo` finds nothing left to do, and clears the rest
    return []


def revert(run: Run, step: int) -> list[str]:
    """Undo the last step of a run that goes on; returns what could not be put back."""
    return [p for part in _parts(run) if part.step == step for p in _restore_part(part)][:_SHOWN]


def _forget_kept(run: Run, journal: Journal) -> None:
    journal.append("restored")
    remove(run)
    runs.discard(run)
    journal.append("undone")


def _restore(parts: list[_Part], journal: Journal | None) -> list[str]:
    """Bring every step's scopes back, the last step first.

    A step that is back is noted: to restore it once more, after an earlier one, would be wrong.
    """
    problems: list[str] = []
    rows = journal.rows if journal else []
    back = {row["step"] for row in rows if row["type"] == "reverted"}
    for step in sorted({part.step for part in parts} - back, reverse=True):
        found = [p for part in parts if part.step == step for p in _restore_part(part)]
        problems += found
        if journal is not None and not found:
            journal.append("reverted", step=step)
    return problems[:_SHOWN]


def _restore_part(part: _Part) -> list[str]:
    keys = _keys(part)
    restorer = Restorer(part.scope, part.before, place(part.kept, part.before))
    restorer.restore(keys)
    return restorer.problems or list(_unlike(part, keys))


def _keys(part: _Part) -> list[str]:
    """What a finished step changed; of an unfinished one, whatever is not as it was."""
    if part.after is not None:
        return list(part.after)
    return changed(part.before, states.take(part.scope))


def _unlike(part: _Part, keys: list[str]) -> Iterator[str]:
    for key in keys:
        if key != PARENT and not _as_left(part.before.get(key), part.path(key)):
            yield f"{part.path(key)} is not as it was"


def _refuse_overwriting(parts: list[_Part]) -> None:
    expected: dict[str, ListedEntry | None] = {}
    for part in parts:
        for key, entry in (part.after or {}).items():
            if matters(key):
                expected[part.path(key)] = entry
    differing = [p for p, entry in expected.items() if not _as_left(entry, p)]
    made = [p for part in parts for p in _made(part) if expected.get(p)]
    differing += [p for folder in made for p in _children(folder) if p not in expected]
    if differing:
        raise Changed(sorted(differing))


def _made(part: _Part) -> Iterator[str]:
    """Folders that the step added: with them goes whatever lies in them."""
    for key, entry in (part.after or {}).items():
        if matters(key) and entry is not None and entry.is_dir and part.before.get(key) is None:
            yield part.path(key)


def _children(folder: str) -> Iterator[str]:
    with suppress(OSError):
        yield from (f"{folder}/{name}" for name in os.listdir(folder) if matters(name))


def _as_left(entry: ListedEntry | None, path: str) -> bool:
    return equal(entry, states.look(path), identity=False)


def _parts(run: Run) -> Iterator[_Part]:
    done = {row["step"]: row["scopes"] for row in run.rows if row["type"] == "done"}
    for row in run.rows:
        if row["type"] == "guard":
            after: list[Any] = done.get(row["step"]) or [None] * len(row["scopes"])
            for here, there in zip(row["scopes"], after, strict=True):
                yield _part(run, row["step"], here, there)


def _part(run: Run, step: int, here: dict[str, Any], there: dict[str, Any] | None) -> _Part:
    before = states.load(run.folder / here["listing"], here["sha256"])
    after = states.load(run.folder / there["listing"], there["sha256"]) if there else None
    return _Part(step, Scope.of(here["scope"]), before, after, Path(here["kept"]))


_PREFIX = "gpufix-"


def make(journal: Journal, context: RunContext) -> dict[str, str]:
    """The variables with a new TMPDIR, in the one that the user has chosen. Raises OSError."""
    assert context.folder is not None
    above = context.environ.get("TMPDIR")
    if not above or not os.path.isdir(above):
        above = tempfile.gettempdir()
    place = os.path.join(os.path.abspath(above), f"{_PREFIX}{context.folder.name}")
    journal.append("temporary", folder=place)
    os.mkdir(place, 0o700)
    return {**context.environ, "TMPDIR": place}


def remove(run: Run) -> None:
    """Delete it with all that a killed program left there."""
    row = run.row("temporary")
    if row is None or os.path.basename(row["folder"]) != f"{_PREFIX}{run.id}":
        return
    with suppress(OSError):
        status = os.lstat(row["folder"])
        # Since a restart, somebody else may have taken the name.
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.stat(run.folder).st_uid:
            shutil.rmtree(row["folder"], ignore_errors=True)

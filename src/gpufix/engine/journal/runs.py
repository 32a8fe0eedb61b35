"""Runs of `gpufix fix`: their folders, their state, the environments they belong to."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from gpufix.engine.journal import aside, journal, mark
from gpufix.engine.journal.listing import KEPT_PREFIX, Scope
from gpufix.engine.journal.lock import folders, make_folder
from gpufix.engine.run_context import (
    CorruptJournal,
    EngineError,
    NothingToUndo,
    Refused,
    UnknownRun,
)
from gpufix.frozen import Frozen

State = Literal["empty", "interrupted", "kept", "undone", "forgotten", "damaged"]
_JOURNAL = "journal"
_FORGOTTEN = "forgotten"  # a file: a damaged journal takes no row


class Run(Frozen):
    """One run's folder and what its journal holds."""

    folder: Path
    rows: list[dict[str, Any]]
    state: State

    @property
    def id(self) -> str:
        """The name by which `gpufix undo` knows it."""
        return self.folder.name

    @property
    def journal(self) -> Path:
        """The journal's path."""
        return self.folder / _JOURNAL

    @property
    def begin(self) -> dict[str, Any]:
        """The first row: prefix, project, titles, time. Empty for an empty run."""
        return self.rows[0] if self.rows else {}

    @property
    def prefix(self) -> str:
        """The patient that it changed."""
        return str(self.begin.get("prefix", ""))

    def row(self, kind: str) -> dict[str, Any] | None:
        """The first row of a kind."""
        return next((r for r in self.rows if r["type"] == kind), None)


def create(state: Path) -> Path:
    """A new, empty run folder. Raises OSError."""
    runs = state / "runs"
    make_folder(runs)
    folder = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder.mkdir(mode=0o700)
    return folder


_RESERVE = 64 << 10  # bytes


def reserve(folder: Path) -> None:
    """Take the room that an undo needs on a disk that the run may fill. Raises OSError."""
    fd = os.open(folder / "reserve", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, _RESERVE)
    finally:
        os.close(fd)


def release(run: Run) -> None:
    """Give that room back."""
    (run.folder / "reserve").unlink(missing_ok=True)


def load(folder: Path) -> Run:
    """Read a run. A journal that cannot be read makes it damaged, and never undoable."""
    given_up = os.path.exists(folder / _FORGOTTEN)  # False also where one may not look
    rows: list[dict[str, Any]] = []
    try:
        rows, _ = journal.parse(journal.read(folder / _JOURNAL))
        state = _state({row["type"] for row in rows})
    except FileNotFoundError:
        state = "empty"
    except (OSError, EngineError, ValueError):
        state = "damaged"
    if state not in ("undone", "forgotten") and _unannounced(folder, rows):
        state = "damaged"
    return Run(folder, rows, "forgotten" if given_up and state != "undone" else state)


def _unannounced(folder: Path, rows: Sequence[dict[str, Any]]) -> bool:
    """Whether listings lie there of which the journal knows nothing: it has lost rows, or all.

    A step's first listings are written right before its row, its last ones long after.
    """
    begun = {row.get("step", 0) for row in rows if row["type"] == "guard"}
    announced = {f"{when}-{step}" for step in begun for when in ("before", "after")}
    if rows:
        announced.add(f"before-{1 + max(begun, default=-1)}")
    listings = (name for name in _names(folder) if name.startswith(("before-", "after-")))
    return any("-".join(name.split("-")[:2]) not in announced for name in listings)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _state(kinds: set[str]) -> State:
    if "begin" not in kinds:
        return "empty"
    if "undone" in kinds:
        return "undone"
    if "forgotten" in kinds:
        return "forgotten"
    undoing = kinds & {"undoing", "restored"}
    return "kept" if "end" in kinds and not undoing else "interrupted"


def every(state: Path) -> list[Run]:
    """All runs, oldest first: ids hold the local time in seconds, which tells it only roughly.

    Raises OSError. A file beside their folders is none.
    """
    try:
        names = os.listdir(state / "runs")
    except (FileNotFoundError, NotADirectoryError):
        return []
    folders = (state / "runs" / name for name in names)
    return sorted((load(folder) for folder in folders if folder.is_dir()), key=_began)


def _began(run: Run) -> tuple[float, str]:
    """When, as its journal says, else when its folder last changed."""
    given = run.begin.get("time")
    if given is None:
        with suppress(OSError):
            given = run.folder.stat().st_mtime
    return float(given or 0.0), run.id


def of_patient(run: Run, prefix: str) -> bool:
    """Whether it changed this patient, or one that has been moved there and left a link behind."""
    return bool(run.prefix) and os.path.realpath(run.prefix) == prefix


def undoable(state: Path) -> list[Run]:
    """Every run that can be undone, oldest first."""
    return [r for r in every(state) if r.state in ("interrupted", "kept")]


def named(state: Path, name: str) -> Run:
    """The run of this name, whatever can be read of it. Raises UnknownRun."""
    for run in every(state):
        if run.id == name:
            return run
    raise UnknownRun(f"no run is called {name!r}; `gpufix undo --list` shows them")


def find(state: Path, name: str | None, prefix: str | None = None) -> Run:
    """The named run, else the last interrupted one, else the last that can be undone: of the patient
    with this prefix, if one is given. Raises UnknownRun, NothingToUndo, Corrupt.

    A run whose journal cannot be read can be anybody's: none before it is chosen.
    """
    runs = [r for r in every(state) if r.state != "empty"]
    if name is not None:
        chosen = [named(state, name)]
    else:
        if prefix is not None:
            runs = [r for r in runs if not r.prefix or of_patient(r, prefix)]
        waiting = [r for r in runs if r.state == "interrupted"]
        chosen = waiting or [r for r in runs if r.state in ("kept", "damaged")]
        if not chosen:
            raise NothingToUndo("there is nothing to undo")
    require_whole(chosen[-1])
    return chosen[-1]


def interrupted(state: Path, prefix: str, project: str | None = None) -> Run | None:
    """A run that was cut off and waits for `gpufix undo`, on this patient or on this project."""
    waiting = [r for r in every(state) if r.state in ("interrupted", "damaged")]
    concerned = [
        r for r in waiting if of_patient(r, prefix) or (project and _of_project(r, project))
    ]
    return concerned[-1] if concerned else None


def marked(*folders: str) -> Path | None:
    """The folder of a run that was cut off in one of these, whatever state directory it lies in."""
    for folder in folders:
        run = mark.named(folder)
        # damaged: also one that this user may not read
        if run is not None and load(run).state in ("interrupted", "damaged"):
            return run
    return None


def cut_off(state: Path, prefix: str, project: str | None) -> str | None:
    """What is to be said of a run that was cut off on this patient or project, whoever's it is."""
    if (waiting := interrupted(state, prefix, project)) is not None:
        return (
            f"run {waiting.id} was cut off: `gpufix undo {waiting.id}` restores what it had begun"
        )
    if (elsewhere := marked(*folders(prefix, project))) is not None:
        return (
            f"run {elsewhere.name} was cut off here, and is kept in {elsewhere}: its user's "
            f"`gpufix undo {elsewhere.name}` restores what it had begun"
        )
    return None


def _of_project(run: Run, project: str) -> bool:
    """Whether it could change something in this project, or in one below or above it."""
    theirs = os.path.realpath(str(run.begin.get("project") or "/"))
    ours = os.path.realpath(project)
    return theirs != "/" and os.path.commonpath([theirs, ours]) in (theirs, ours)


def kept_folders(run: Run) -> list[Path]:
    """Where the run keeps bytes: in its own folder, and beside a patient on another file system."""
    near = [row["folder"] for row in run.rows if row["type"] == "near"]
    roots = run.begin.get("roots")
    allowed = [path for path in near if roots is None or Scope(path).within(roots)]
    own = [p for p in map(Path, allowed) if p.name == f"{KEPT_PREFIX}{run.id}"]
    return [run.folder / "kept", *own]


def aside_folders(run: Run) -> list[Path]:
    """Where undo has put what it could not prove to be the run's own."""
    own, *near = kept_folders(run)
    return [own.parent / aside.NAME, *(folder / aside.NAME for folder in near)]


def discard(run: Run, with_aside: bool = False) -> None:
    """Delete what the run kept; its journal and logs stay. Raises OSError."""
    for folder in kept_folders(run):
        if folder.is_dir() and not folder.is_symlink():
            changed = folder.parent.stat().st_mtime_ns
            for path in folder.iterdir():
                if path.is_symlink() or not path.is_dir():
                    path.unlink()
                elif with_aside or path.name != aside.NAME:
                    shutil.rmtree(path)
            if not any(folder.iterdir()):
                folder.rmdir()
            os.utime(folder.parent, ns=(changed, changed))  # the patient's own, as it is by now
    if with_aside:
        shutil.rmtree(run.folder / aside.NAME, ignore_errors=True)
    for listing in (*run.folder.glob("before-*"), *run.folder.glob("after-*")):
        listing.unlink()


def kept_bytes(run: Run) -> int:
    """How much the kept files hold that nothing else does (bytes)."""
    total = 0
    for folder in kept_folders(run):
        for place, _, names in os.walk(folder):
            for name in names:
                status = os.lstat(os.path.join(place, name))
                total += status.st_size if status.st_nlink == 1 else 0
    return total


def forget(run: Run, force: bool = False) -> None:
    """Delete what a run kept and put aside; it can then not be undone. Raises Refused, OSError.

    A finished one; an interrupted one whose environment is gone: nothing waits for it any more. With
    `force` any: what it changed then stays as it is.
    """
    abandoned = run.state == "interrupted" and not os.path.lexists(run.prefix)
    if run.state not in ("kept", "forgotten", "undone") and not abandoned and not force:
        raise Refused(
            f"run {run.id} is {run.state}: what it changed would stay half done; undo it, or give it "
            f"up as it is with `gpufix undo --forget --force {run.id}`"
        )
    (run.folder / _FORGOTTEN).touch()
    mark.clear(run.folder, run.begin)
    discard(run, with_aside=True)


Whereabouts = Literal["there", "gone", "moved"]


def whereabouts(folder: str) -> Whereabouts:
    """Of a folder that was recorded with all links resolved; "moved": a link is in its place."""
    if os.path.islink(folder):
        return "moved"
    return "there" if os.path.isdir(folder) else "gone"


def require_there(run: Run) -> None:
    """Undo puts files back to where they were: Refused, where that would be another place."""
    for what, folder in (("environment", run.prefix), ("project", run.begin.get("project"))):
        if not folder or not _changed_in(run, str(folder)):
            continue
        state = whereabouts(str(folder))
        if state == "gone":
            raise Refused(
                f"run {run.id} changed the {what} {folder}, which is no longer there: move it back and "
                f"undo again, or give the run up with `gpufix undo --forget {run.id}`"
            )
        if state == "moved":
            raise Refused(
                f"run {run.id} changed the {what} {folder}, where there now is a link to "
                f"{os.path.realpath(folder)}: move the folder back to where it was, then undo again"
            )


def require_whole(run: Run) -> None:
    """Of what it changed, nothing is put back that its journal does not tell. Raises CorruptJournal."""
    if not run.folder.is_dir():
        raise CorruptJournal(f"{run.folder} is gone: what that run changed is not known")
    if run.state == "damaged":
        raise CorruptJournal(
            f"the journal of {run.id} cannot be read: what it changed is not known; "
            f"`gpufix undo --forget --force {run.id}` gives it up"
        )


def scope_paths(run: Run) -> list[str]:
    """The paths at which, and below which, its steps could change something."""
    return [row["scope"]["path"] for r in run.rows if r["type"] == "guard" for row in r["scopes"]]


def _changed_in(run: Run, folder: str) -> bool:
    """Whether a step could have changed something in the folder."""
    return any(path == folder or path.startswith(f"{folder}/") for path in scope_paths(run))

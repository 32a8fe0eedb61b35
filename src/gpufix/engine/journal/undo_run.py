"""Undoes a run from its journal.

Steps come back one by one, the last first. One that does not come back ends the undo: what an earlier
step had found would overwrite it. Before anything kept is given up, all paths are compared with the
state before the first step that touched them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

from gpufix.engine.journal import mark, proof, runs, temporary
from gpufix.engine.journal import parts as part_list
from gpufix.engine.journal.aside import Aside, tidy, ways_back
from gpufix.engine.journal.journal import Journal
from gpufix.engine.journal.keep import place
from gpufix.engine.journal.listing import PARENT
from gpufix.engine.journal.parts import Part, as_left, changed_since, unlike
from gpufix.engine.journal.restore import Restorer
from gpufix.engine.journal.runs import Run
from gpufix.engine.run_context import CorruptJournal, EngineError, Refused
from gpufix.frozen import Frozen

_SHOWN = 20


class Changed(EngineError):
    """Files that the run had written were changed since; undoing would take that away."""

    def __init__(self, paths: list[str]):
        self.paths = paths
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        super().__init__(f"changed since that run: {', '.join(paths[:3])}{more}")


class Undone(Frozen):
    """What an undo came to.

    `problems`: what could not be put back; with any, the run stays as it is. `lost`: what `force` has
    given up. `aside`: paths that were in the way and are not proven to be the run's own. `back`: (from,
    to) of the copies that bring them back, in this order.
    """

    problems: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    back: tuple[tuple[str, str], ...] = ()

    def left_aside(self) -> str:
        """Of what lies aside, for the end of a sentence: "; what may be … (2) lies in …", or ""."""
        if not self.aside:
            return ""
        where = ", ".join(place for place, _ in self.back)
        return f"; what may be somebody else's ({len(self.aside)}) lies in {where}"


class Preview(Frozen):
    """What an undo would change, as paths: put back, taken away; and what it would refuse to take."""

    restored: tuple[str, ...]
    added: tuple[str, ...]
    since: tuple[str, ...]


def preview(run: Run) -> Preview:
    """Look, and change nothing. Raises Refused, CorruptJournal."""
    if run.state not in ("kept", "interrupted") or run.row("restored") is not None:
        return Preview((), (), ())
    parts = _parts(run)
    first = {path: part.before.get(key) for path, (part, key) in unlike(parts).items()}
    restored = sorted(path for path, entry in first.items() if entry is not None)
    added = sorted(path for path, entry in first.items() if entry is None)
    return Preview(tuple(restored), tuple(added), tuple(changed_since(run, parts)))


def undo(run: Run, force: bool = False) -> Undone:
    """Put everything back. The caller holds the patient's lock, and no program of the run lives.

    `force`: also what was changed since (it is put aside), and in spite of what is lost.
    Raises Changed (unless `force`), Refused, CorruptJournal; nothing has been done then.
    """
    if run.state == "forgotten":
        raise Refused(f"the kept files of {run.id} were given up: it cannot be undone")
    runs.require_whole(run)
    if run.state in ("empty", "undone"):
        return Undone()
    given_up: list[str] = []
    parts = _parts(run) if run.row("restored") is None else []
    with Journal(run.journal) as journal:
        if run.row("restored") is None:
            if not force and run.row("undoing") is None and (since := changed_since(run, parts)):
                raise Changed(since)
            runs.release(run)
            journal.append("undoing", force=force)
            mark.put(run.folder, run.begin)
            problems, given_up = _restore(parts, journal, force)
            if problems:
                return Undone(tuple(problems[:_SHOWN]))
        return _finished(run, journal, given_up)


def rollback(run: Run) -> Undone:
    """Undo within the run that failed: also where the journal can no longer be written.

    Raises CorruptJournal where it can no longer be read either, Refused.
    """
    runs.require_whole(run)
    runs.release(run)
    # Where not even this can be written, nothing can be: the undo that ends it asks for no consent.
    with suppress(OSError), Journal(run.journal) as journal:
        journal.append("undoing", force=False)
    problems, _ = _restore(_parts(run), None, force=False)
    if problems:
        return Undone(tuple(problems[:_SHOWN]))
    try:
        with Journal(run.journal) as journal:
            return _finished(run, journal, [])
    except OSError:  # the disk is full: `gpufix undo` finds nothing left to do, and clears the rest
        return _lying(run)


def revert(run: Run, step: int, place: str | None = None) -> Undone:
    """Undo the last step of a run that goes on; with a place, only what it did to that folder."""
    own = [p for p in _parts(run) if p.step == step and place in (None, p.scope.path)]
    problems = [p for part in own for p in _restored(part, force=False)[0]]
    return Undone(tuple(problems[:_SHOWN])) if problems else _sorted(run)


def _parts(run: Run) -> list[Part]:
    """Raises CorruptJournal; Refused where a link would lead what is put back to another place."""
    parts = part_list.of(run)
    for folder in part_list.diverted(run, parts):
        raise Refused(
            f"run {run.id} changed the folder {folder}, where there now is a link to "
            f"{os.path.realpath(folder)}: move the folder back to where it was, then undo again"
        )
    return parts


def _finished(run: Run, journal: Journal, given_up: list[str]) -> Undone:
    journal.append("restored")
    temporary.remove(run)
    mark.clear(run.folder, run.begin)
    undone = _sorted(run)
    runs.discard(run)
    journal.append("undone", lost=len(given_up), aside=len(undone.aside))
    return replace(undone, lost=tuple(given_up))


def _sorted(run: Run) -> Undone:
    """Delete, of what lies aside, what is the run's own. Raises OSError."""
    folders = [folder for folder in runs.aside_folders(run) if folder.is_dir()]
    back = _in_place(run) if folders else set()
    for folder in folders:
        proof.delete_own(run, folder, back)
        tidy(folder)
    return _lying(run)


def _in_place(run: Run) -> set[proof.Identity]:
    try:
        return part_list.in_place(part_list.of(run))
    except CorruptJournal:  # its listings are gone already: the end of it was cut off
        return set()


def _lying(run: Run) -> Undone:
    folders = runs.aside_folders(run)
    back = ways_back(folders, runs.scope_paths(run))
    return Undone(aside=tuple(proof.remaining(folders)), back=tuple(back))


def _restore(
    parts: list[Part], journal: Journal | None, force: bool
) -> tuple[list[str], list[str]]:
    """Bring every step's scopes back, the last step first: (what could not be, what is given up).

    A step that is back is noted: to restore it once more, after an earlier one, would be wrong. So
    would be to go on to an earlier one while a later one is not back.
    """
    given_up: dict[str, str] = {}
    rows = journal.rows if journal else []
    back = {row["step"] for row in rows if row["type"] == "reverted"}
    for step in sorted({part.step for part in parts} - back, reverse=True):
        for part in (p for p in parts if p.step == step):
            problems, lost = _restored(part, force)
            given_up |= lost
            if problems:
                return problems, []
        if journal is not None:
            journal.append("reverted", step=step)
    problems, lost = _put_first(parts, force)
    return problems, list((given_up | lost).values())


def _put_first(parts: list[Part], force: bool) -> tuple[list[str], dict[str, str]]:
    """Compare all paths with their first state; what was changed since its step came back is put back."""
    keys: dict[int, list[str]] = {}
    for part, key in unlike(parts).values():
        keys.setdefault(parts.index(part), []).append(key)
    problems: list[str] = []
    given_up: dict[str, str] = {}
    for number in sorted(keys):
        found, lost = _restored(parts[number], force, keys[number])
        problems, given_up = problems + found, given_up | lost
    differing = unlike(parts).keys() - given_up.keys() if keys else ()
    return problems or [f"{path} is not as it was" for path in sorted(differing)], given_up


def _restored(
    part: Part, force: bool, keys: list[str] | None = None
) -> tuple[list[str], dict[str, str]]:
    """(what could not be put back, path → what is given up). Default: all that the step touched."""
    keys = part.touched() if keys is None else keys
    aside = Aside(part.aside)
    restorer = Restorer(part.scope, part.before, place(part.kept, part.before), aside)
    restorer.restore(keys)
    lost = {part.path(key): why for key, why in restorer.lost.items()}
    problems = restorer.problems
    if lost and not force:
        problems += [f"{why}; `--force` leaves it as it is" for why in lost.values()]
    problems += [
        f"{part.path(key)} is not as it was"
        for key in keys
        if not problems
        and key not in restorer.lost
        and key != PARENT
        and not as_left(part.before.get(key), part.path(key))
    ]
    return problems, lost if force else {}

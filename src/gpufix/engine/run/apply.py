"""Carries out steps: all preconditions first, then each step between its guard's two rows."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from errno import ENOSPC
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import gpufix
from gpufix.engine.builds.unbuilt import NAME
from gpufix.engine.installer_settings import neutral_settings
from gpufix.engine.journal import mark, owner, programs, runs, temporary, undo_run
from gpufix.engine.journal.guard import Guard
from gpufix.engine.journal.journal import FORMAT, Journal
from gpufix.engine.journal.undo_run import Undone
from gpufix.engine.run.propose import Proposed
from gpufix.engine.run_context import EngineError, Refused, RunContext, StepFailed, roots, words
from gpufix.engine.steps import build_folder
from gpufix.engine.steps.kinds import kind_of
from gpufix.fixes.merge import contributes
from gpufix.model import Build, Held, Step
from gpufix.model.base import to_json


@dataclass
class FailureIsolation:
    """Steps whose failure takes back nothing but themselves, and the failures so far."""

    steps: Sequence[Step] = ()
    failures: list[StepFailed] = field(default_factory=list)


def alone(proposed: Proposed) -> Iterator[Step]:
    """Builds of plans that do nothing else: one that fails leaves the others as good as they are."""
    for step in proposed.steps:
        plans = [plan for plan in proposed.choice.plans if contributes(plan, step)]
        if all(p.fix == NAME or all(own.kind == "build" for own in p.steps) for p in plans):
            yield step


def failures(proposed: Proposed, isolation: FailureIsolation) -> Iterator[Held]:
    """The plans whose builds failed."""
    for error in isolation.failures:
        for plan in proposed.choice.plans:
            if error.step is not None and contributes(plan, error.step):
                yield Held(plan=plan, reason=f"{error}{error.aside}; that was restored", tried=True)


# Undo rests on hard links, descriptors of folders and an order of writes that only Linux has shown to hold.
# Plans there are manual; this is for what was asked for by name.
_ON_WINDOWS = (
    "what is changed in a Windows environment could not be undone; run the printed commands there, of "
    "which `gpufix undo` knows nothing"
)
_STARTS_PROGRAMS = ("install", "fallback", "build", "submodules")


def check(steps: Sequence[Step], context: RunContext) -> None:
    """Verify the preconditions of every step. Raises Refused; changes nothing."""
    python = context.facts.python
    if python and python.platform == "win32" and any(s.kind != "advise" for s in steps):
        raise Refused(_ON_WINDOWS)
    for number, step in enumerate(steps):
        ahead = any(_makes_files(earlier) for earlier in steps[:number])
        with blaming(step):
            try:
                kind_of(step).check(step, replace(context, ahead=ahead))
            except OSError as error:
                raise Refused(words(error)) from None


@contextmanager
def blaming(step: Step) -> Iterator[None]:
    """Errors in here are this step's."""
    try:
        yield
    except EngineError as error:
        error.step = step
        raise


def _makes_files(step: Step) -> bool:
    return step.kind in ("install", "build", "submodules")


def apply(
    steps: Sequence[Step],
    context: RunContext,
    state: Path,
    title: str,
    isolation: FailureIsolation | None = None,
) -> Path:
    """Do the steps in a new run; returns its folder. The caller holds the patient's lock.

    Raises Refused (nothing done) and StepFailed (all put back, or the message says what was not).
    A KeyboardInterrupt leaves the run as it is: `gpufix undo` finishes it.
    """
    check(steps, context)
    try:
        folder = runs.create(state)
    except OSError as error:
        raise Refused(f"{error.filename or state}: {error.strerror}") from None
    try:
        _run(steps, replace(context, folder=folder), title, isolation or FailureIsolation())
    except (OSError, EngineError) as error:
        raise _failure(folder, error) from error
    finally:
        temporary.remove(runs.load(folder))
    return folder


def _run(
    steps: Sequence[Step], context: RunContext, title: str, isolation: FailureIsolation
) -> None:
    folder = context.folder
    assert folder is not None
    with Journal(folder / "journal") as journal:
        journal.append("begin", **_header(steps, context, title))
        mark.put(folder, journal.rows[0])
        runs.reserve(folder)
        _steps(journal, steps, context, isolation)


def extend(
    folder: Path, steps: Sequence[Step], context: RunContext, isolation: FailureIsolation
) -> None:
    """Do more steps in a run that is not finished. Raises Refused and StepFailed: the caller then
    takes these steps back, and the earlier ones stand."""
    check(steps, context)
    try:
        with Journal(folder / "journal") as journal:
            _steps(journal, steps, replace(context, folder=folder), isolation)
    except OSError as error:
        raise StepFailed(words(error)) from error
    finally:
        temporary.remove(runs.load(folder))


def count(folder: Path) -> int:
    """How many steps a run has begun."""
    return _begun(runs.load(folder).rows)


def _begun(rows: Sequence[dict[str, Any]]) -> int:
    return 1 + max((row["step"] for row in rows if row["type"] == "guard"), default=-1)


def withdraw(folder: Path, first: int) -> Undone:
    """Take back the steps from this number on, the last first; the run goes on without them."""
    for number in range(count(folder) - 1, first - 1, -1):
        undone = undo_run.revert(runs.load(folder), number)
        if undone.problems:
            return undone
        with Journal(folder / "journal") as journal:
            guard = next(r for r in journal.rows if r["type"] == "guard" and r["step"] == number)
            Guard(journal, folder, number).nothing(len(guard["scopes"]))
    return Undone()


def _steps(
    journal: Journal,
    steps: Sequence[Step],
    context: RunContext,
    isolation: FailureIsolation,
) -> None:
    folder = context.folder
    assert folder is not None
    context = replace(context, writing=partial(_note, journal))
    if any(step.kind in _STARTS_PROGRAMS for step in steps):
        environ = {
            **temporary.make(journal, context),
            **neutral_settings(context.environ, folder),
            **owner.variables(journal.rows[0]["prefix"]),
            programs.VARIABLE: folder.name,
        }
        context = replace(context, environ=environ)
    for group in _groups(steps, isolation):
        while len(group) > 1:
            group = _together(journal, group, context, isolation)
        for step in group:
            _one(journal, step, context, isolation)
    journal.append("applied")


def _one(journal: Journal, step: Step, context: RunContext, isolation: FailureIsolation) -> None:
    kind, folder, number = kind_of(step), context.folder, _begun(journal.rows)
    assert folder is not None
    with blaming(step):
        kind.check(step, context)  # an earlier step may have changed what it rests on
        guard = Guard(journal, folder, number)
        guard.open(kind.scopes(step, context))
        try:
            kind.run(step, replace(context, kept=guard.holds))
        except StepFailed as error:
            if step not in isolation.steps:
                raise
            isolation.failures.append(_taken_back(folder, number, step, error))
        guard.close()


def _groups(steps: Sequence[Step], isolation: FailureIsolation) -> Iterator[list[Step]]:
    """The steps in order; builds that stand for themselves and follow one another are one group."""
    group: list[Step] = []
    for step in steps:
        beside = isinstance(step, Build) and step in isolation.steps
        if group and not (beside and isinstance(group[-1], Build) and group[-1] in isolation.steps):
            yield group
            group = []
        group.append(step)
    if group:
        yield group


def _together(
    journal: Journal, steps: Sequence[Step], context: RunContext, isolation: FailureIsolation
) -> list[Step]:
    """Builds side by side. What failed is taken back; where it has changed the environment, the
    others are as well, and returned: they are to be built again.

    Each has a guard over the environment of its own, opened before the first begins: whichever is
    undone first, the environment comes back as it was.
    """
    folder, first = context.folder, _begun(journal.rows)
    assert folder is not None
    guards = [Guard(journal, folder, first + place) for place in range(len(steps))]
    for step, guard in zip(steps, guards, strict=True):
        with blaming(step):
            kind_of(step).check(step, context)
            guard.open(kind_of(step).scopes(step, context))
    failed = build_folder.run_together([s for s in steps if isinstance(s, Build)], context)
    mixed = any(error.installed for error in failed.values())
    for place in reversed(range(len(steps))):
        if mixed or place in failed:
            own = None if mixed else os.path.realpath(getattr(steps[place], "path", ""))
            _put_back(undo_run.revert(runs.load(folder), first + place, own), failed.get(place))
    for guard in guards:
        guard.close()
    for place, error in failed.items():
        error.step = steps[place]
        isolation.failures.append(error)
    return [s for place, s in enumerate(steps) if place not in failed] if mixed else []


def _put_back(undone: Undone, error: StepFailed | None) -> None:
    if undone.problems:
        raise StepFailed(f"{error or 'builds were taken back'}; {undone.problems[0]}")
    if error is not None:
        error.aside = undone.left_aside()


def _note(journal: Journal, path: str, data: bytes) -> None:
    """What gpufix itself is about to write: by its digest, undo knows it for its own."""
    journal.append("writing", path=path, sha256=hashlib.sha256(data).hexdigest())


def _taken_back(folder: Path, number: int, step: Step, error: StepFailed) -> StepFailed:
    """This one step's changes are undone; the run goes on. Raises StepFailed where that fails."""
    undone = undo_run.revert(runs.load(folder), number)
    if undone.problems:
        raise StepFailed(f"{error}; {undone.problems[0]}")
    error.step, error.aside = step, undone.left_aside()
    return error


def _header(steps: Sequence[Step], context: RunContext, title: str) -> dict[str, object]:
    python = context.facts.python
    return {
        "version": gpufix.__version__,
        "format": FORMAT,
        "process": programs.identity(os.getpid()),
        "prefix": os.path.realpath(python.prefix) if python else "",
        "project": context.project,
        "roots": _roots(steps, context),
        "time": time.time(),
        "title": title,
        "steps": [{k: v for k, v in to_json(step).items() if k != "content"} for step in steps],
    }


def _roots(steps: Sequence[Step], context: RunContext) -> list[str]:
    """At and below which the run may write: undo believes no later row that names another place."""
    built = [step.path for step in steps if isinstance(step, Build)]
    overlay = context.facts.environment.overlay_path
    found = [*roots(context.facts), *built, *([os.path.dirname(overlay)] if overlay else ())]
    return sorted({*found, *map(os.path.realpath, found)})


def _failure(folder: Path, error: OSError | EngineError) -> StepFailed:
    """What is raised for the whole run, after it was undone as far as that went."""
    reason = str(error) if isinstance(error, EngineError) else _words(folder, error)
    try:
        undone = undo_run.rollback(runs.load(folder))
    except (OSError, EngineError) as second:
        undone = Undone((str(second),))
    problems, end = undone.problems, f"everything was restored{undone.left_aside()}"
    if problems:
        end = f"not everything could be restored ({problems[0]}): run `gpufix undo {folder.name}`"
    failure = StepFailed(f"{reason}; {end}")
    failure.step = error.step if isinstance(error, EngineError) else None
    failure.put_back = not problems
    return failure


def _words(folder: Path, error: OSError) -> str:
    """What the error says; of a full disk also where the run keeps what it replaces."""
    said = words(error)
    return f"{said} (what is kept for undo lies in {folder})" if error.errno == ENOSPC else said


def finish(folder: Path) -> None:
    """The run was verified and stays. Raises OSError."""
    with Journal(folder / "journal") as journal:
        journal.append("end")
    run = runs.load(folder)
    runs.release(run)
    mark.clear(folder, run.begin)


@contextmanager
def termination() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP as KeyboardInterrupt: children are ended, the journal stays whole."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    known = (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
    signals = [number for number in known if number is not None]  # Windows lacks the last
    before = [signal.signal(number, interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)

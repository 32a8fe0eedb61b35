"""Carries out steps: all preconditions first, then each step between its guard's two rows."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType

import gpufix
from gpufix.engine.installer_settings import neutral_settings
from gpufix.engine.journal import mark, owner, programs, runs, temporary, undo_run
from gpufix.engine.journal.guard import Guard
from gpufix.engine.journal.journal import FORMAT, Journal
from gpufix.engine.journal.undo_run import Undone
from gpufix.engine.run.propose import Proposed
from gpufix.engine.run_context import EngineError, Refused, RunContext, StepFailed
from gpufix.engine.steps.kinds import kind_of
from gpufix.fixes.merge import contributes
from gpufix.model import Held, Step
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
        if all(own.kind == "build" for plan in plans for own in plan.steps):
            yield step


def failures(proposed: Proposed, isolation: FailureIsolation) -> Iterator[Held]:
    """The plans whose builds failed."""
    for error in isolation.failures:
        for plan in proposed.choice.plans:
            if error.step is not None and contributes(plan, error.step):
                yield Held(plan=plan, reason=f"{error}{error.aside}; that was put back", tried=True)


# Undo rests on hard links, descriptors of folders and an order of writes that Linux alone has shown to hold.
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
                raise Refused(_words(error)) from None


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
        context = replace(context, writing=partial(_note, journal))
        if any(step.kind in _STARTS_PROGRAMS for step in steps):
            environ = {
                **temporary.make(journal, context),
                **neutral_settings(context.environ, folder),
                **owner.variables(journal.rows[0]["prefix"]),
                programs.VARIABLE: folder.name,
            }
            context = replace(context, environ=environ)
        for number, step in enumerate(steps):
            kind = kind_of(step)
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
        journal.append("applied")


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
        "time": time.time(),
        "title": title,
        "steps": [{k: v for k, v in to_json(step).items() if k != "content"} for step in steps],
    }


def _failure(folder: Path, error: OSError | EngineError) -> StepFailed:
    """What is raised for the whole run, after it was undone as far as that went."""
    reason = str(error) if isinstance(error, EngineError) else _words(error)
    try:
        undone = undo_run.rollback(runs.load(folder))
    except (OSError, EngineError) as second:
        undone = Undone((str(second),))
    problems, end = undone.problems, f"everything was put back{undone.left_aside()}"
    if problems:
        end = f"not everything could be put back ({problems[0]}): run `gpufix undo {folder.name}`"
    failure = StepFailed(f"{reason}; {end}")
    failure.step = error.step if isinstance(error, EngineError) else None
    failure.put_back = not problems
    return failure


def _words(error: OSError) -> str:
    """Its reason, after the file's name where the system tells one."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


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

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)

"""What a step is handed, which paths a run may change, and what can keep it from being done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from gpufix.frozen import Frozen
from gpufix.model import Facts, Step
from gpufix.model.outcome import BuildResult


class EngineError(Exception):
    """Base of all of them. `step`: the one to blame, when it is one."""

    step: Step | None = None


class Refused(EngineError):
    """A precondition does not hold: nothing has been changed."""


class StepFailed(EngineError):
    """A step could not be carried out. `put_back`: whether all that the run had done is undone.

    `aside`: of a step that was taken back alone, what of it lies aside, for the end of a sentence.
    `installed`: of a build, whether it had changed the environment by then.
    """

    put_back: bool = True
    aside: str = ""
    installed: bool = False


class Busy(EngineError):
    """Another run, or a program that one has started, holds the patient's lock."""


class CorruptJournal(EngineError):
    """A journal or listing is not what was written."""


class UnknownRun(EngineError):
    """No run has this name."""


class NothingToUndo(EngineError):
    """There is no run that could be undone."""


def words(error: EngineError | OSError) -> str:
    """What it says; of a system's error its reason, after the file's name where one is told."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


class Indexes(Frozen):
    """Where packages come from, as the user says: options first, then pip's and uv's variables."""

    index_url: str | None = None
    find_links: tuple[str, ...] = ()


def _silent(_: str) -> None:
    return None


def _unnoted(_: str, __: bytes) -> None:
    return None


def _unkept(_: str) -> bool:
    return False


def _untold(_: BuildResult) -> None:
    return None


class RunContext(Frozen):
    """The facts that the plan was made from, and the run that carries it out.

    `folder`: the run's own folder, for logs and as working directory of programs; None while a
    plan is only being checked. `lock_fds`: to be passed to every program that is started, so that
    one that outlives the run keeps the patient locked.
    """

    facts: Facts
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    indexes: Indexes = Indexes()
    say: Callable[[str], None] = _silent
    tick: Callable[[str], None] = _silent  # a phase goes on: the last line of its log
    folder: Path | None = None
    lock_fds: tuple[int, ...] = ()
    writing: Callable[[str, bytes], None] = _unnoted  # told before gpufix itself writes a file
    kept: Callable[[str], bool] = (
        _unkept  # whether a path is as the running step's guard has kept it
    )
    built: Callable[[BuildResult], None] = _untold  # told of every build that is over
    ahead: bool = False  # checking before earlier steps, which may make what is missing, have run

    @property
    def project(self) -> str | None:
        """The project's folder."""
        return self.facts.project.root if self.facts.project else None


def roots(facts: Facts) -> Iterator[str]:
    """Folders and files below which a step may write."""
    if facts.python:
        yield facts.python.prefix
        yield from facts.python.site_dirs
    if facts.project:
        yield facts.project.root
    for dist in facts.distributions:
        if dist.editable:
            yield dist.editable
    for entry in facts.caches:
        yield entry.path


def inside(path: str, facts: Facts) -> str:
    """The path with every folder's links resolved, the last name kept. Raises Refused.

    A link that leads out of all roots would let a step write where nobody looks.
    """
    if "\0" in path or not os.path.isabs(path):
        raise Refused(f"{path!r} is not an absolute path")
    folder, name = os.path.split(os.path.normpath(path))
    if not name:
        raise Refused(f"{path} cannot be changed")
    real = os.path.join(os.path.realpath(folder), name)
    for root in roots(facts):
        above = os.path.realpath(root)
        # A cache entry may itself be removed; an environment or a project may not.
        if real.startswith(f"{above.rstrip('/')}/") or _is_entry(real, above, facts):
            return real
    raise Refused(f"{path} belongs to neither the patient nor the project")


def _is_entry(real: str, above: str, facts: Facts) -> bool:
    return real == above and any(os.path.realpath(e.path) == real for e in facts.caches)


def writable(folder: str) -> None:
    """Refuse a folder that this user cannot write to."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"{folder} is not writable")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise Refused(f"{folder} is on a read-only file system")

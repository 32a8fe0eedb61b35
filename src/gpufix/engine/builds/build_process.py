"""Builds as running processes: several at once, each with a log and a time limit."""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gpufix.files import read_end
from gpufix.fixes.build_environment.jobs import share
from gpufix.fixes.build_environment.variables import Folder
from gpufix.frozen import Frozen
from gpufix.process import Child, Finished, Limits, NotStarted, Program

_TAIL = 64 << 10  # bytes looked at for progress
_KEPT = 20  # runs whose logs stay
_STEP = re.compile(r"\[\s*(\d+)\s*/\s*(\d+)\s*\]")  # ninja's


class Log:
    """One folder's log file."""

    def __init__(self, path: Path):
        self.path = path

    def note(self, command: Sequence[str]) -> None:
        """A line that says what is run now."""
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"$ {shlex.join(command)}\n")

    def size(self) -> int:
        """Bytes written so far."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def progress(self) -> tuple[int, int] | None:
        """(files done, files in all) as ninja last said, None when nobody said."""
        found = _STEP.findall(self._tail())
        return (int(found[-1][0]), int(found[-1][1])) if found else None

    def _tail(self) -> str:
        try:
            return read_end(self.path, _TAIL).decode("utf-8", "replace")
        except OSError:
            return ""


def new_folder(state: Path) -> Path:
    """A folder for one run's logs under the state directory; those of old runs go. Raises OSError."""
    parent = state / "builds"
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(p for p in parent.iterdir() if p.is_dir())[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    folder = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(mode=0o700)
    return folder


def name_for(number: int, folder: str) -> str:
    """A log's file name: readable, without anything that a shell or terminal would act on."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(folder).name)[:60]
    return f"{number}-{plain or 'build'}.log"


_LOG_LIMIT = 512 << 20  # bytes: a build that says more is out of hand
_GRACE = 3.0  # seconds between the request to end and the end


class Task(Frozen):
    """Commands to run one after another with one environment and one log."""

    commands: Sequence[Sequence[str]]
    environ: Mapping[str, str]
    cwd: str
    log: Path
    limit_s: float | None = None
    pass_fds: tuple[int, ...] = ()


@dataclass
class Running:
    """A task under way. `reason` says why it ended, None = all commands succeeded."""

    task: Task
    begin: float = field(default_factory=time.monotonic)
    reason: str | None = None
    seconds: float = 0.0
    log: Log = field(init=False)
    _next: int = 0
    _child: Child | None = None

    def __post_init__(self) -> None:
        self.log = Log(self.task.log)

    def poll(self) -> bool:
        """Move on where possible; True once everything is over."""
        if self._child is None:
            if self.reason is not None or self._next == len(self.task.commands):
                return True
            self._start(self.task.commands[self._next])
            return False
        self.seconds = time.monotonic() - self.begin
        if not self._child.wait(0.0):
            return False
        command = self.task.commands[self._next]
        self._next += 1
        ended = self._end(self._child)
        if ended.problem:
            self.reason = f"it {ended.problem}"
        elif ended.code:
            self.reason = _exit(command, ended)
        return False

    def kill(self) -> None:
        """End the whole session, at first politely."""
        if self._child is not None:
            self._end(self._child)

    def _start(self, command: Sequence[str]) -> None:
        self.log.note(command)
        task = self.task
        # The lock is among what it inherits: a build that outlives gpufix keeps the patient locked.
        program = Program(command, task.environ, task.cwd, log=task.log, pass_fds=task.pass_fds)
        seconds = math.inf if task.limit_s is None else task.limit_s
        limits = Limits(seconds, most=_LOG_LIMIT, grace_s=_GRACE)
        self._child = Child(program, limits, since=self.begin)
        try:
            self._child.start()
        except NotStarted as error:
            self._child.end()
            self._child = None
            self.reason = f"{command[0]} {error.problem}"

    def _end(self, child: Child) -> Finished:
        child.end()
        self._child = None
        assert child.finished is not None
        return child.finished


def _exit(command: Sequence[str], ended: Finished) -> str:
    name = Path(command[0]).name
    if name.startswith("python") and len(command) > 2:
        name = command[2]
    if ended.signal_name:
        return f"{name} was ended by {ended.signal_name}"
    return f"{name} exits with {ended.code}"


_POLL = 0.05  # seconds


class Ended(Frozen):
    """How one folder's programs ended. `reason` None = they all succeeded."""

    folder: Folder
    jobs: int
    task: Task | None
    reason: str | None
    seconds: float = 0.0


class Watch(Protocol):
    """Is told what goes on."""

    def started(self, folder: Folder, jobs: int) -> None:
        """A folder's build begins."""

    def progress(self, running: Sequence[tuple[Folder, Running]]) -> None:
        """Called some twenty times a second."""

    def ended(self, ended: Ended) -> None:
        """A folder's programs are over; nothing is known of the product yet."""


@dataclass
class _Slot:
    folder: Folder
    jobs: int
    running: Running


def build_all(
    folders: Sequence[Folder],
    prepare: Callable[[Folder, int], Task],
    limits: tuple[int, int],
    watch: Watch,
) -> Iterator[Ended]:
    """Build every folder; a failure stops none of the others.

    `limits`: (folders at once, compilers in all). `prepare` makes the task for a number of jobs;
    when it raises OSError or ValueError, that folder has failed. Interrupted, all groups are killed.
    """
    slots, jobs = limits
    waiting, active = list(folders), list[_Slot]()
    try:
        while waiting or active:
            while waiting and len(active) < slots:
                places = min(len(waiting), slots - len(active))
                number = share(jobs - sum(s.jobs for s in active), places)
                outcome = _begin(waiting.pop(0), number, prepare, watch)
                if isinstance(outcome, Ended):
                    yield outcome
                else:
                    active.append(outcome)
            over = [slot for slot in active if slot.running.poll()]
            active = [slot for slot in active if slot not in over]
            for slot in over:
                yield _end(slot, watch)
            watch.progress([(slot.folder, slot.running) for slot in active])
            if active and not over:
                time.sleep(_POLL)
    finally:
        with ExitStack() as every:  # a second Ctrl-C spares none
            for slot in active:
                every.callback(slot.running.kill)


def _begin(
    folder: Folder, jobs: int, prepare: Callable[[Folder, int], Task], watch: Watch
) -> _Slot | Ended:
    watch.started(folder, jobs)
    try:
        return _Slot(folder, jobs, Running(prepare(folder, jobs)))
    except (OSError, ValueError) as error:
        ended = Ended(folder, jobs, None, str(error))
        watch.ended(ended)
        return ended


def _end(slot: _Slot, watch: Watch) -> Ended:
    running = slot.running
    ended = Ended(slot.folder, slot.jobs, running.task, running.reason, running.seconds)
    watch.ended(ended)
    return ended

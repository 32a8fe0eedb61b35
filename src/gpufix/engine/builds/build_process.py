"""Builds as running processes: several at once, each with a log and a time limit."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gpufix.fixes.build_environment.jobs import share
from gpufix.fixes.build_environment.variables import Folder

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
            with self.path.open("rb") as file:
                file.seek(max(0, self.size() - _TAIL))
                return file.read(_TAIL).decode("utf-8", "replace")
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


@dataclass(frozen=True)
class Task:
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
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.log = Log(self.task.log)

    def poll(self) -> bool:
        """Move on where possible; True once everything is over."""
        if self._process is None:
            if self.reason is not None or self._next == len(self.task.commands):
                return True
            self._start(self.task.commands[self._next])
            return False
        self.seconds = time.monotonic() - self.begin
        if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            self._check_limits()
            return False
        # Before reaping, while the group's number is still ours: what it left behind goes too.
        self._signal(signal.SIGKILL)
        code = self._process.wait()
        self._process = None
        self._next += 1
        if code != 0:
            self.reason = self.reason or _exit(self.task.commands[self._next - 1], code)
        return False

    def kill(self) -> None:
        """End the whole group, at first politely."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self._process.pid, options) is not None:
                break
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _start(self, command: Sequence[str]) -> None:
        self.log.note(command)
        try:
            with self.task.log.open("ab") as output:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(self.task.environ),
                    cwd=self.task.cwd,
                    start_new_session=True,
                    pass_fds=self.task.pass_fds,
                )
        except (OSError, ValueError) as error:
            self.reason = f"{command[0]} cannot be started: {error}"

    def _check_limits(self) -> None:
        limit = self.task.limit_s
        if limit is not None and self.seconds > limit:
            self.reason = f"it did not end within {limit:g} s"
        elif self.log.size() > _LOG_LIMIT:
            self.reason = f"it printed more than {_LOG_LIMIT >> 20} MiB"
        else:
            return
        self.kill()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _exit(command: Sequence[str], code: int) -> str:
    name = Path(command[0]).name
    if name.startswith("python") and len(command) > 2:
        name = command[2]
    if code < 0:
        with suppress(ValueError):
            return f"{name} was ended by {signal.Signals(-code).name}"
    return f"{name} exits with {code}"


_POLL = 0.05  # seconds


@dataclass(frozen=True)
class Ended:
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
        for slot in active:
            slot.running.kill()


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

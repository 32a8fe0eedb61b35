"""One folder's build as a running process: its own group, its output in a log, a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gpufix.engine.build_log import Log

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

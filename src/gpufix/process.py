"""One child process with a time limit and bounded output, killed with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_OUTPUT = 4 << 20

_lock = threading.Lock()
_running: set[int] = set()  # process groups that live now, in whichever thread
_stopped = threading.Event()


class Stopped(RuntimeError):
    """stop_all was called: nothing more is started."""


def stop_all() -> None:
    """Kills every child of run_limited, in all threads, and lets none start any more.

    Children have sessions of their own, so a terminal's Ctrl-C does not reach them.
    """
    with _lock:
        _stopped.set()
        for group in _running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)


@dataclass(frozen=True)
class Finished:
    """How a child ended. ``code`` is negative for a signal, None when it ran out of time."""

    code: int | None
    stdout: str
    stderr: str
    seconds: float

    @property
    def timed_out(self) -> bool:
        return self.code is None

    @property
    def signal_name(self) -> str | None:
        """``SIGSEGV`` and the like, when a signal ended it."""
        if self.code is None or self.code >= 0:
            return None
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"


def run_limited(
    command: Sequence[str | Path],
    limit_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Runs the command in its own process group; at the limit the whole group is killed.

    Raises OSError when it cannot be started, and Stopped after stop_all. Output past MAX_OUTPUT
    bytes is read and dropped.
    """
    begin = time.monotonic()
    child = _start([os.fspath(part) for part in command], env, cwd)
    assert child.stdout is not None and child.stderr is not None
    readers = [_Reader(child.stdout), _Reader(child.stderr)]
    in_time = _wait_unreaped(child.pid, begin + limit_s)
    # Before reaping: the group's number is still the child's. Ends what it left behind, too.
    with _lock, contextlib.suppress(ProcessLookupError, PermissionError):
        _running.discard(child.pid)
        os.killpg(child.pid, signal.SIGKILL)
    # A process stuck in the driver cannot be reaped; it must not hold this one as well.
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=5.0)
    stdout, stderr = (reader.finish(5.0) for reader in readers)
    code = child.returncode if in_time else None
    return Finished(code, stdout, stderr, time.monotonic() - begin)


def _start(
    command: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None
) -> subprocess.Popen[bytes]:
    with _lock:
        if _stopped.is_set():
            raise Stopped("interrupted")
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        _running.add(child.pid)
        return child


def _wait_unreaped(pid: int, deadline: float) -> bool:
    """True once the child has ended (it stays a zombie), False at the deadline."""
    options = os.WEXITED | os.WNOWAIT | os.WNOHANG
    while os.waitid(os.P_PID, pid, options) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class _Reader:
    """Drains a pipe in a thread, so that a chatty child never blocks."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        with self._pipe, contextlib.suppress(OSError, ValueError):
            while block := self._pipe.read1(1 << 16):  # type: ignore[attr-defined]
                self._kept += block[: max(0, MAX_OUTPUT - len(self._kept))]

    def finish(self, limit_s: float) -> str:
        self._thread.join(limit_s)
        return bytes(self._kept).decode("utf-8", errors="replace")

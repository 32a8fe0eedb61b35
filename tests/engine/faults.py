"""Kills a run at a chosen system call, or lets the calls fail from there on. The engine knows nothing.

Every file system change that Python makes raises an audit event before it happens; writes and
syncs, which raise none, are counted by wrapping them, before and after. "Right before the next"
is "right after this one", so every instant that a kill can tell apart is reached.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from gpufix.engine.journal import journal
from gpufix.engine.run_context import EngineError

CHANGES = {
    "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.chmod",
    "os.chown", "os.utime", "os.truncate", "shutil.rmtree", "shutil.copyfile",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


Acts = Mapping[int, Callable[[], object]]


class Points:
    """Counts points of a process, and kills it at one of them (0 = at none).

    With `error`, an errno, every change from that point on fails with it instead. `acts`: what somebody
    else does at a point; that has no points of its own.
    """

    def __init__(self, fatal: int, error: int = 0, acts: Acts | None = None):
        self.count, self.fatal, self.error = 0, fatal, error
        self._acts, self._acting = dict(acts or {}), False

    def watch_journal(self) -> None:
        """Only the journal's writes: right before, torn in the middle, and right after."""
        whole = journal.write_all

        def write_all(fd: int, data: bytes) -> None:
            self.reach()
            os.write(fd, data[: len(data) // 2])
            self.reach()
            whole(fd, data[len(data) // 2 :])
            self.reach()

        journal.write_all = write_all  # type: ignore[attr-defined]

    def reach(self) -> None:
        """One point."""
        if self._acting:
            return
        self.count += 1
        if act := self._acts.get(self.count):
            self._acting = True
            try:
                act()
            finally:
                self._acting = False
        if self.error and self.fatal and self.count >= self.fatal:
            raise OSError(self.error, os.strerror(self.error))
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """From now on, in this process."""
        sys.addaudithook(self._audit)
        for name in ("write", "fsync", "sync", "pwrite", "ftruncate"):
            setattr(os, name, self._wrapped(getattr(os, name)))

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and _writes(arguments)):
            self.reach()

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any) -> Any:
            self.reach()
            result = call(*arguments)
            self.reach()
            return result

        return wrapper


def _writes(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & _WRITING)


def spread(total: int, most: int | None) -> list[int]:
    """So many of the points 1 to `total`, the first and the last among them; None = all."""
    if most is None or most >= total:
        return list(range(1, total + 1))
    return [1 + number * (total - 1) // (most - 1) for number in range(most)]


def run(
    action: Callable[[], object],
    fatal: int = 0,
    journal_only: bool = False,
    error: int = 0,
    acts: Acts | None = None,
) -> int | None:
    """Do `action` in a child that dies at point `fatal`; how many points it passed, None = killed.

    With `error` its changes fail from that point on; what it then raises is its own affair.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            points = Points(fatal, error, acts)
            points.watch_journal() if journal_only else points.watch()
            with suppress(*((OSError, EngineError) if error else ())):
                action()
            count, points.fatal = points.count, 0
            os.write(writer, str(count).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    assert status == 0, f"the action failed: {status}"
    return int(said)

"""The programs of a run that still live: each inherits a variable that names the run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from gpufix.engine.run_context import Busy
from gpufix.frozen import Frozen

VARIABLE = "GPUFIX_RUN"
_POLL = 0.2  # seconds


class Living(Frozen):
    """A process that the run has started, directly or not."""

    pid: int
    name: str


def living(run_id: str) -> list[Living]:
    """Those that this user may look at; gpufix itself does not carry the variable."""
    return list(_living(os.fsencode(f"{VARIABLE}={run_id}")))


def _living(mark: bytes) -> Iterator[Living]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):  # it has ended, or belongs to somebody else
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                name = (folder / "comm").read_text("utf-8", "replace").strip()
                yield Living(int(folder.name), name)


def wait(run_id: str, seconds: float, say: Callable[[str], None]) -> None:
    """Until none is left. Raises Busy, which names them, when that takes longer."""
    deadline, said = time.monotonic() + seconds, False
    while found := living(run_id):
        named = ", ".join(f"{p.name} (process {p.pid})" for p in found[:5])
        if time.monotonic() >= deadline:
            raise Busy(f"programs of run {run_id} are still at work: {named}; --force ends them")
        if not said:
            say(f"waiting for programs of run {run_id}: {named}")
            said = True
        time.sleep(_POLL)


def end(run_id: str) -> None:
    """Kill them, and those that they start meanwhile. Raises Busy for one that cannot be killed."""
    deadline = time.monotonic() + 10.0
    while found := living(run_id):
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                pidfd = os.pidfd_open(process.pid)
                try:
                    if process in living(run_id):  # the number still means the same process
                        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                finally:
                    os.close(pidfd)
        if time.monotonic() >= deadline:
            raise Busy(f"process {found[0].pid} ({found[0].name}) cannot be ended")
        time.sleep(0.05)

"""The programs of a run that still live: each inherits a variable that names the run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from gpufix.engine.journal.runs import Run
from gpufix.engine.run_context import Busy
from gpufix.frozen import Frozen
from gpufix.process import processes, signal_if, status

VARIABLE = "GPUFIX_RUN"
_POLL = 0.2  # seconds


class Living(Frozen):
    """A process of a run."""

    pid: int
    name: str


def identity(pid: int) -> list[int] | None:
    """[number, start in clock ticks since boot]: of no other process since then. None: it is gone."""
    try:
        return [pid, int(status(Path(f"/proc/{pid}"))[19])]
    except OSError:
        return None


def refuse_running(run: Run) -> None:
    """Raises Busy while the gpufix that carries the run out still lives."""
    told = run.begin.get("process") if run.state == "interrupted" else None
    if isinstance(told, list) and told[:1] != [os.getpid()] and identity(int(told[0])) == told:
        raise Busy(f"run {run.id} is still being carried out (process {told[0]})")


def living(run: Run) -> list[Living]:
    """Those that this user may look at, in whatever session; gpufix itself lacks the variable."""
    found = []
    for folder in processes():
        with suppress(OSError):  # it has ended, or belongs to somebody else
            if _is_of(run, folder):
                name = (folder / "comm").read_text("utf-8", "replace").strip()
                found.append(Living(int(folder.name), name))
    return found


def _is_of(run: Run, folder: Path) -> bool:
    mark = os.fsencode(f"{VARIABLE}={run.id}")
    return mark in (folder / "environ").read_bytes().split(b"\0")


def wait(run: Run, seconds: float, say: Callable[[str], None]) -> None:
    """Until none is left. Raises Busy, which names them, when that takes longer."""
    deadline, said = time.monotonic() + seconds, False
    while found := living(run):
        named = ", ".join(f"{p.name} (process {p.pid})" for p in found[:5])
        if time.monotonic() >= deadline:
            raise Busy(f"programs of run {run.id} are still at work: {named}; --force ends them")
        if not said:
            say(f"waiting for programs of run {run.id}: {named}")
            said = True
        time.sleep(_POLL)


def end(run: Run) -> None:
    """Kill them, and those that they start meanwhile. Raises Busy for one that cannot be killed."""
    deadline = time.monotonic() + 10.0
    while found := living(run):
        for process in found:
            signal_if(Path(f"/proc/{process.pid}"), signal.SIGKILL, partial(_is_of, run))
        if time.monotonic() >= deadline:
            raise Busy(f"process {found[0].pid} ({found[0].name}) cannot be ended")
        time.sleep(_POLL)

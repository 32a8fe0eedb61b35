"""A program that a step runs: its output in a log of the run, the patient's lock in its hand.

Output goes to a file and not to a pipe: a program that outlives a killed run can still end well.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpufix.engine.journal.parts import heartbeat
from gpufix.engine.run_context import RunContext, StepFailed
from gpufix.files import read_end
from gpufix.process import Child, Limits, NotStarted, Program

_GRACE = 20.0  # seconds in which an interrupted installer may put back what it had begun
_TAIL = 64 << 10  # bytes of the log that are searched for the reason
_LIMIT = 6 * 3600.0


def run(
    argv: Sequence[str],
    context: RunContext,
    environ: Mapping[str, str],
    log: str,
    timeout: float = _LIMIT,
) -> None:
    """Run to the end. Raises StepFailed with the reason that the log gives."""
    assert context.folder is not None
    path = context.folder / f"{log}.log"
    # It inherits the lock, as do the programs that it starts: one that outlives the run holds it.
    program = Program(argv, environ, cwd=context.folder, log=path, pass_fds=context.lock_fds)
    limits = Limits(timeout, request=signal.SIGINT, grace_s=_GRACE)
    running = Child(program, limits)
    try:
        running.start()
        while not running.wait(1.0):
            heartbeat(context.folder).touch()
            context.tick(last_line(path))
    except NotStarted as error:
        raise StepFailed(f"{argv[0]} {error.problem}") from None
    finally:
        running.end()
    ended = running.finished
    assert ended is not None
    if ended.problem:
        raise StepFailed(f"{argv[0]} {ended.problem} ({path})")
    if ended.code != 0:
        raise StepFailed(f"{' '.join(argv[:4])} … exits with {ended.code}: {reason(path)}")


def last_line(log: Path) -> str:
    """The last line of a log that says anything; empty where there is none."""
    try:
        lines = read_end(log, 4096).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def reason(log: Path) -> str:
    """The first line that names an error, else the last one that says anything."""
    lines = read_end(log, _TAIL).decode("utf-8", "replace").splitlines()
    words = [line.strip() for line in lines if line.strip()]
    errors = [line for line in words if line.lower().startswith(("error", "fatal", "×"))]
    errors = errors or [line for line in words if re.search(r": (fatal )?error\b", line)]
    return ((errors or words[-1:]) or ["it said nothing"])[0][:500]

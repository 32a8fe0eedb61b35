"""Runs an installer or another tool: its own process group, its output in a file, the lock in hand.

Output goes to a file and not to a pipe: a program that outlives a killed run can still end well.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gpufix.engine.run_context import Context, StepFailed

_GRACE = 20.0  # seconds in which an interrupted installer may put back what it had begun
_TAIL = 64 << 10  # bytes of the log that are searched for the reason
_LIMIT = 6 * 3600.0


def run(
    argv: Sequence[str],
    context: Context,
    environ: Mapping[str, str],
    log: str,
    timeout: float = _LIMIT,
) -> None:
    """Run to the end. Raises StepFailed with the reason that the log gives."""
    assert context.folder is not None
    path = context.folder / f"{log}.log"
    with path.open("ab") as output:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                cwd=context.folder,
                start_new_session=True,
                pass_fds=() if context.lock_fd is None else (context.lock_fd,),
            )
        except (OSError, ValueError) as error:
            raise StepFailed(f"{argv[0]} cannot be started: {error}") from None
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{argv[0]} did not end within {timeout:g} s ({path})") from None
    finally:
        _end(process)
    if code != 0:
        raise StepFailed(f"{' '.join(argv[:4])} … exits with {code}: {reason(path)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt what still runs, so that it can clean up; then kill its whole group."""
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def reason(log: Path) -> str:
    """The first line that names an error, else the last one that says anything."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read(_TAIL).decode("utf-8", "replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if line.lower().startswith(("error", "fatal", "×"))]
    errors = errors or [line for line in said if re.search(r": (fatal )?error\b", line)]
    return ((errors or said[-1:]) or ["it said nothing"])[0][:500]

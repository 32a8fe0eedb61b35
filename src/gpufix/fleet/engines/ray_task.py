"""What a Ray worker runs. Nodes need no gpufix: Ray carries this module, which imports none, to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def run(
    command: list[str], given: bytes, seconds: float, kept: int
) -> tuple[int | None, bytes, str, str | None, float]:
    """Exit code, output, messages, problem, seconds."""
    begin = time.monotonic()
    words = [sys.executable if word == "{python}" else word for word in command]
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        return None, b"", "", f"{words[0]}: {error.strerror}", 0.0
    problem, out, err = None, b"", b""
    try:
        out, err = child.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        problem = f"no answer within {seconds:.0f} s"
        err = late.stderr or b""
        os.killpg(child.pid, signal.SIGKILL)
    # One that hangs in the kernel cannot even be killed: nobody waits for it.
    code = child.poll() if problem else child.returncode
    spent = time.monotonic() - begin
    return code, out[:kept], err[-65536:].decode("utf-8", "replace"), problem, spent


def environment() -> dict[str, str]:
    """The node's own, as its raylet was started: Ray hides the GPUs from a task that asks for none."""
    try:
        rows = Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0")
    except OSError:
        rows = []
    found = {}
    for row in rows:
        name, equals, value = row.partition(b"=")
        if equals:
            found[os.fsdecode(name)] = os.fsdecode(value)
    return found or dict(os.environ)

"""The environment's pip: how it comes there, and what it says when it fails, as one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque

from environment import Environment, Stop

_ERROR = re.compile(r"\s*error: ", re.IGNORECASE)
_SUMMARY = "subprocess-exited-with-error"  # what pip says of a pip that it has called
# Why an index did not answer, as pip quotes it.
_NO_ANSWER = re.compile(
    r"\[Errno -?\d+\] (?!No space)[A-Z][^'\")]*|certificate verify failed[^'(]*"
    r"|Tunnel connection failed[^'\")]*|\w* ?timed out|\d+ (?:Client|Server) Error: [^:]*"
)


def create(env: Environment) -> None:
    """Make a virtual environment of the folder, with pip in it."""
    bare = [sys.executable, "-m", "venv", "--without-pip", str(env.folder)]
    pip = [str(env.python), "-I", "-m", "ensurepip", "--upgrade", "--default-pip"]
    for command in (bare, pip):
        done = subprocess.run(command, capture_output=True, text=True, close_fds=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).splitlines(keepends=True)
            raise Stop(f"{' '.join(command)}: {reason(said)}")


def pip(env: Environment, *arguments: str) -> None:
    """Run the environment's pip; its words and progress bars go where ours go."""
    command = [str(env.python), "-m", "pip", *arguments]
    last: deque[str] = deque(maxlen=400)
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env={**os.environ, "PIP_USER": "no", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        text=True,
        errors="replace",
        close_fds=False,  # the environment's lock
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            last.append(line)
        if process.wait() != 0:
            raise Stop(reason(list(last)))
    except BaseException:
        process.kill()
        process.wait()
        raise


def reason(lines: list[str]) -> str:
    """pip's last error among what it wrote, and why an index did not answer.

    Newer releases of pip write after a missing distribution what failed for want of it.
    """
    errors = [_ERROR.sub("", line, count=1).strip() for line in lines if _ERROR.match(line)]
    errors = [error for error in errors if error != _SUMMARY] or lines[-1:] or ["no word"]
    missing = [error for error in errors if error.startswith("No matching distribution")]
    cause = no_answer("".join(lines))
    return (missing or errors)[-1].strip() + (
        f" (the package index does not answer: {cause})" if cause else ""
    )


def no_answer(text: str) -> str:
    """Why an index did not answer, from what pip wrote; empty when it says nothing of that."""
    return next(reversed(_NO_ANSWER.findall(text)), "").strip()

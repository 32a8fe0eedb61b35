"""On a terminal gpufix speaks before it has loaded anything; elsewhere it is silent until it knows."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest


def on_terminal(arguments: list[str], cwd: Path) -> bytes:
    """The first bytes that a terminal gets."""
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    process = subprocess.Popen(
        [sys.executable, "-m", "gpufix", *arguments],
        cwd=cwd, env=env, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    said = os.read(ours, 200)
    process.kill()
    process.wait()
    os.close(ours)
    return said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["doctor"], "gpufix: reading the environment …"),
        (["fix", "--python", "/no/such"], "gpufix: reading /no/such …"),
        (["--version"], "gpufix "),
    ],
)
def test_the_first_words(arguments: list[str], says: str, tmp_path: Path) -> None:
    assert on_terminal(arguments, tmp_path).decode().startswith(says)

"""`gpufix undo` on a terminal: it asks which run of another environment is meant."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from undo_scene import Scene

from gpufix.engine.journal import runs

# The first process of a session, its standard input made the session's terminal: Ctrl-C is a signal.
_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


INTERRUPT = b"\x03"


def ask(scene: Scene, answer: bytes) -> tuple[int, str]:
    """Run `gpufix undo` for B on a terminal, and type the answer to its question."""
    terminal, end = pty.openpty()
    arguments = ["-m", "gpufix", "undo", "--python", str(scene.b.path)]
    with subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *arguments], env=scene.environ({"TERM": "dumb"}),
        stdin=end, stdout=end, stderr=end, cwd=scene.folder, start_new_session=True,
    ) as process, os.fdopen(terminal, "r+b", buffering=0) as file:  # fmt: skip
        os.close(end)
        said = b""
        while b"[none]: " not in said:
            said += file.read(1 << 16)
        file.write(answer)
        with suppress(OSError):  # the terminal's other end is closed
            while True:
                # An interrupt between the question and the read for its answer waits for that read,
                # as in every Python: people press the key again.
                if answer == INTERRUPT and not select.select([file], [], [], 0.5)[0]:
                    file.write(answer)
                elif part := file.read(1 << 16):
                    said += part
                else:
                    break
    return process.returncode, said.decode()


ANSWERS: dict[str, tuple[Callable[[list[str]], str], int, int | None]] = {
    "none": (lambda ids: "\n", 1, None),
    "blanks": (lambda ids: "  \n", 1, None),
    "Ctrl-D": (lambda ids: "\x04", 1, None),
    "Ctrl-C": (lambda ids: "\x03", 130, None),
    "a number": (lambda ids: "1\n", 0, 0),
    "another number": (lambda ids: "2\n", 0, 1),
    "an id": (lambda ids: f" {ids[0]} \n", 0, 0),
    "no number": (lambda ids: "0\n", 2, None),
    "too large": (lambda ids: "3\n", 2, None),
    "half an id": (lambda ids: f"{ids[0][:-1]}\n", 2, None),
    "yes": (lambda ids: "y\n", 2, None),
}


@pytest.mark.some(4)
@pytest.mark.parametrize("case", ANSWERS)
def test_on_a_terminal_it_asks(case: str, scene: Scene) -> None:
    typed, code, undone = ANSWERS[case]
    ids = [scene.run(scene.a, "first"), scene.run(scene.a, "second")]
    before = scene.trees()
    returned, said = ask(scene, typed(ids).encode())
    assert returned == code, said
    assert "Traceback" not in said
    words = " ".join(said.split())  # a long path stands on a line of its own
    for part in (*ids, str(scene.a.path), f"there is nothing to undo in {scene.b.path}"):
        assert part in words
    states = [r.state for r in runs.every(scene.state)]
    assert states == ["undone" if n == undone else "kept" for n in range(2)]
    if undone is None:
        assert scene.trees() == before


def test_on_a_terminal_json_does_not_ask(scene: Scene) -> None:
    scene.run(scene.a)
    read, write = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "gpufix", "undo", "--python", str(scene.b.path), "--format", "json"],
        env=scene.environ({}), stdin=write, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(read)
    os.close(write)
    assert done.returncode == 1
    assert json.loads(done.stdout)["state"] == "elsewhere"

"""docs/tutorial.md, command by command: what it says is printed is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest
import venvs

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
TEXT = TUTORIAL.read_text(encoding="utf-8")
_BLOCK = re.compile(r'^```(\S+)(?: title="(\S+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
# The environment is made of what the tests have: nothing is downloaded.
_GIVEN = ("python3 -m venv demo", "python -m pip install -q torch==")
_SAYS = OutputChecker()


def sessions() -> list[tuple[str, str]]:
    """Each command with the output that the page shows."""
    found = []
    for kind, _, body in _BLOCK.findall(TEXT):
        if kind == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append((command, output))
    return found


def test_the_page_has_commands_and_files() -> None:
    assert len(sessions()) > 10
    assert [name for _, name, _ in _BLOCK.findall(TEXT) if name]
    assert all(any(c.startswith(g) for c, _ in sessions()) for g in _GIVEN)


@pytest.mark.slow
@pytest.mark.needs("g++", "Python.h", "ninja")
def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    names = ("torch", "numpy", "setuptools", "wheel", "ninja", "pip")
    venv = venvs.create(tmp_path / "demo", *venvs.with_requirements(*names))
    for _, name, body in _BLOCK.findall(TEXT):
        if name:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(body, encoding="utf-8")
    ours = Path(sys.executable).parent
    env = {**venv.environ(), "NO_COLOR": "1", "COLUMNS": "80"}
    for command, expected in sessions():
        if command.startswith(_GIVEN):
            continue
        script = f'export PATH="$PATH:{ours}"; source demo/bin/activate; {command}'
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=env, check=False, timeout=600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        wanted = expected.replace("…", "...")
        same = _SAYS.check_output(wanted, done.stdout, ELLIPSIS | NORMALIZE_WHITESPACE)
        assert same or not wanted, f"$ {command}\n{done.stdout}"

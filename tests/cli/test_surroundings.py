"""The terminal, the language and the clock change how a report looks, never what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from need_finders import ASCII

SURROUNDINGS: dict[str, dict[str, str]] = {
    "a narrow terminal": {"COLUMNS": "40"},
    "a wide one": {"COLUMNS": "200"},
    "one without a size": {"COLUMNS": "0"},
    "one that can do nothing": {"TERM": "dumb"},
    "no colors": {"NO_COLOR": "1"},
    "colors in any case": {"FORCE_COLOR": "1"},
    "a runner": {"CI": "true", "GITHUB_ACTIONS": "true"},
    "ASCII only": ASCII,
    "Latin 1": {"PYTHONIOENCODING": "latin-1"},
    "an odd clock": {"TZ": "Asia/Kathmandu"},
}
# Escapes, frames, signs and line breaks differ; letters and digits do not.
_OTHER = re.compile(rb"\x1b\[[0-9;]*m|[^A-Za-z0-9]")
IN_ASCII = pytest.mark.needs("a Python that starts in ASCII only")
DOCTOR = ("doctor", "--python", ".venv", "--gpu", "sm_120", "--fail-on", "warning")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a submodule that is not there, and an empty venv."""
    folder = tmp_path_factory.mktemp("project")
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv")]
    subprocess.run(command, check=True)
    (folder / ".gitmodules").write_text(
        '[submodule "glm"]\n\tpath = glm\n\turl = https://x/glm.git\n'
    )
    (folder / "glm").mkdir()
    (folder / "setup.py").write_text("INCLUDE = ['glm/include']\n")
    return folder


@pytest.fixture(scope="module")
def plain() -> dict[tuple[str, ...], tuple[int, bytes]]:
    """What is said without any of it."""
    return {}


def said(
    project: Path, arguments: tuple[str, ...], surroundings: dict[str, str]
) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "gpufix", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        cwd=project,
        env={**os.environ, **surroundings},
        timeout=60,
    )
    letters = done.stdout.replace("✗".encode(), b"x")  # its form in ASCII
    return done.returncode, _OTHER.sub(b"", letters)


@pytest.mark.some(6)
@pytest.mark.parametrize(
    "surroundings",
    [
        pytest.param(given, id=name, marks=[IN_ASCII] if given is ASCII else [])
        for name, given in SURROUNDINGS.items()
    ],
)
@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [(DOCTOR, 1, b"SRC605"), (("doctor", "--no-such-option"), 2, b"nosuchoption")],
    ids=["report", "usage error"],
)
def test_the_same_is_said(
    arguments: tuple[str, ...],
    code: int,
    word: bytes,
    surroundings: dict[str, str],
    project: Path,
    plain: dict[tuple[str, ...], tuple[int, bytes]],
) -> None:
    if arguments not in plain:
        plain[arguments] = said(project, arguments, {})
    assert plain[arguments][0] == code
    assert word in plain[arguments][1]
    assert said(project, arguments, surroundings) == plain[arguments]

"""What a node runs: its own gpufix of this version, else the streamed one, else it says why not."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gpufix
from gpufix.fleet.ask import read
from gpufix.fleet.engines import Answer
from gpufix.fleet.launch import Look, Source, work
from gpufix.fleet.pack import zipapp
from gpufix.process import Limits, Program, run

pytestmark = pytest.mark.needs("Linux")
TOOLS = ("sh", "mktemp", "cat", "rm", "env")


def system(name: str) -> str:
    """A program of the system."""
    return next(p for folder in ("/bin", "/usr/bin") if Path(p := f"{folder}/{name}").exists())


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A PATH with nothing but what every system has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(system(tool))
    return folder


def ask(node: Path, source: Source = "auto", python: str = "", shell: str = "sh") -> Answer:
    look = work(Look(python=python, source=source, seconds=60))
    command = [system(shell), "-c", shlex.join(look.command)]
    temporary = node.parent / "t m p"
    temporary.mkdir(exist_ok=True)
    env = {"PATH": str(node), "TMPDIR": str(temporary)}
    ended = run(Program(command, env=env, given=look.given, cwd="/"), Limits(60, kept=1 << 20))
    return Answer("n", ended.out, ended.stderr, ended.code)


def script(file: Path, body: str) -> None:
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


OWN = (
    f'if test "$1" = --version; then echo "gpufix {gpufix.__version__}"; else echo "own $*" >&2; fi'
)
OTHER = 'echo "gpufix 0.0.1"'


def test_its_own_gpufix_is_used(node: Path) -> None:
    script(node / "gpufix", OWN)
    assert read(ask(node)).problem == "own fleet probe --seconds 60"


def test_that_of_the_environment_too(node: Path, tmp_path: Path) -> None:
    (tmp_path / "env/bin").mkdir(parents=True)
    script(tmp_path / "env/bin/gpufix", OWN)
    for python in (tmp_path / "env", tmp_path / "env/bin/python"):
        told = read(ask(node, python=str(python))).problem
        assert told == f"own fleet probe --python {python} --seconds 60"


@pytest.mark.parametrize(("there", "why"), [(None, "no gpufix"), (OTHER, "gpufix 0.0.1")])
def test_only_its_own(node: Path, there: str | None, why: str) -> None:
    if there:
        script(node / "gpufix", there)
    assert read(ask(node, "node")).problem == f"{why} there, gpufix {gpufix.__version__} here"


def test_no_python_for_a_streamed_one(node: Path) -> None:
    script(node / "python3", "exit 1")
    look = ask(node, "stream")
    assert read(look).problem == "no gpufix, and no Python from 3.10 on to run a streamed one"


def test_the_streamed_one_looks_without_any_package(node: Path, tmp_path: Path) -> None:
    """Python runs it with -I -S: nothing installed is seen; nothing stays behind."""
    script(node / "gpufix", OTHER)
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True
    )
    found = read(ask(node, python=str(tmp_path / "env")))
    assert found.problem is None and found.facts is not None, found
    assert found.facts["python"]["prefix"] == str(tmp_path / "env")
    assert found.note is not None and found.note.startswith(
        "gpufix 0.0.1 is installed there; a streamed"
    )
    assert list((tmp_path / "t m p").iterdir()) == []


def test_the_archive_is_the_same_each_time_and_small() -> None:
    first = zipapp()
    zipapp.cache_clear()
    assert zipapp() == first
    assert len(first) < 4 << 20
    names = set(zipfile.ZipFile(io.BytesIO(first)).namelist())
    assert {
        "packaging/version.py",
        "pynvml.py",
        "tomli/__init__.py",
        "gpufix/fleet/probe.py",
    } <= names


@pytest.mark.needs("bash", "fish")
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_any_login_shell_hands_it_on(node: Path, shell: str) -> None:
    script(node / "gpufix", OWN)
    assert "own fleet probe" in (read(ask(node, shell=shell)).problem or "")


def test_no_quote_no_newline_no_exclamation() -> None:
    """csh ends a quoted word at a newline, and replaces `!` within quotes."""
    script_ = work(Look()).command[2]
    assert not set("'\n!") & set(script_)
    done = subprocess.run(["sh", "-n", "-c", script_], capture_output=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr

"""`make doctor` where something is missing: one sentence, and nothing half made."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from checkouts import ROOT, Checkout, interpreter

MAIN = ROOT / "tools" / "bootstrap" / "__main__.py"
OLD = "sys.version_info = (3, 9, 2, 'final', 0); sys.version = '3.9.2 (main)'"


def told(checkout: Checkout, *arguments: str, **extra: str) -> str:
    """What it says when it fails: one line of gpufix's."""
    done = checkout.make("doctor", *arguments, **extra)
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("gpufix: ")]
    return line


def test_it_parses_on_old_pythons() -> None:
    ast.parse(MAIN.read_text("utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize(
    ("preamble", "parts"),
    [
        (OLD, ["Python 3.9.2 found (", "gpufix needs 3.10 or newer: set PYTHON="]),
        ("sys.modules['ensurepip'] = None", ["lacks ensurepip", "python3-venv"]),
        (
            "sys.modules['ensurepip'] = sys.modules['venv'] = None",
            ["lacks venv and ensurepip", "python3-venv"],
        ),
    ],
)
def test_what_python_lacks_is_named(
    checkout: Checkout, tmp_path: Path, preamble: str, parts: list[str]
) -> None:
    python = interpreter(tmp_path / "python", preamble)
    line = told(checkout, f"PYTHON={python}")
    assert all(part in line for part in parts), line
    assert not checkout.venv.exists()


def test_a_newer_python_on_path_is_named(checkout: Checkout, tmp_path: Path) -> None:
    old = interpreter(tmp_path / "old", OLD)
    for name, exit_code in (("python3.30", 127), ("python3.29", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {exit_code}\n")
        (tmp_path / name).chmod(0o755)
    line = told(checkout, f"PYTHON={old}", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert line.endswith("set PYTHON=python3.29")


def test_no_python_at_all(checkout: Checkout) -> None:
    line = told(checkout, "PYTHON=no-such-python3")
    assert "no no-such-python3 found; Python 3.10 or newer with venv" in line
    assert "apt install python3-venv" in line


@pytest.mark.parametrize("taken", ["file.txt", "folder/file.txt"])
def test_a_folder_of_somebodys_files_is_left_alone(
    checkout: Checkout, tmp_path: Path, taken: str
) -> None:
    file = tmp_path / "mine" / taken
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    assert "is not a virtual environment: set VENV=" in told(checkout, f"VENV={tmp_path / 'mine'}")
    assert [p for p in (tmp_path / "mine").rglob("*") if p.is_file()] == [file]


def test_packages_that_make_has_not_installed_are_left_alone(checkout: Checkout) -> None:
    """A venv of uv's has no pip, and is whole."""
    site = checkout.venv / f"lib/python3.{sys.version_info[1]}/site-packages"
    (site / "torch-2.0.dist-info").mkdir(parents=True)
    (checkout.venv / "pyvenv.cfg").touch()
    assert "has packages but no pip" in told(checkout)
    assert (site / "torch-2.0.dist-info").exists()


def test_where_no_folder_can_be_made(checkout: Checkout) -> None:
    assert "set VENV=/another/folder" in told(checkout, "VENV=/proc/nothing/venv")
    (checkout.folder / "file").touch()
    assert "set VENV=/another/folder" in told(checkout, "VENV=file")


def test_too_little_space_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stages
    from environment import Environment, Stop

    usage = stages.shutil.disk_usage(tmp_path)._replace(free=79_000_000)
    monkeypatch.setattr(stages.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Stop, match=r"has 79 MB of free space and needs 80 MB"):
        stages.announce(Environment(tmp_path), [stages.BASE])

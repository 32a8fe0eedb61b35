"""`gpufix fix --log`: what only a log shows of the installed packages, in a real environment."""

from __future__ import annotations

import subprocess

import pytest
from venvs import Venv

NUMPY = "AttributeError: module 'numpy' has no attribute 'bool'.\n"


def pretend(empty: Venv, name: str, version: str) -> None:
    """A package of one empty module, as an installer leaves it."""
    (empty.site / f"{name}.py").write_text("")
    info = empty.site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"{name}.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")


def planned(empty: Venv, log: str) -> subprocess.CompletedProcess[str]:
    file = empty.home / "train.log"
    file.write_text(log)
    return empty.gpufix("fix", "--log", str(file), "--python", str(empty.python))


@pytest.mark.parametrize(
    ("version", "log"),
    [("1.23.5", NUMPY), ("1.26.4", "all is well\n"), ("1.26.4", "")],
    ids=["the release is the remedy's", "no error", "nothing"],
)
def test_nothing_is_moved(version: str, log: str, empty: Venv) -> None:
    pretend(empty, "numpy", version)
    done = planned(empty, log)
    assert done.returncode == 0, done.stdout
    assert "nothing to repair" in done.stdout


def test_what_the_log_shows_is_planned(empty: Venv) -> None:
    pretend(empty, "numpy", "1.26.4")
    done = planned(empty, NUMPY)
    assert "WHL506" in done.stdout
    assert "numpy<1.24" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_log_that_is_not_there(empty: Venv) -> None:
    done = empty.gpufix("fix", "--log", "/no/such.log", "--python", str(empty.python))
    assert done.returncode == 2
    assert "/no/such.log" in done.stderr

"""What a user can mistype on `gpufix fix` and `gpufix undo`."""

from __future__ import annotations

from pathlib import Path

import pytest
from venvs import Venv


@pytest.mark.some(5)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fix", "--only", "NOPE"], "no rule has the code"),
        (["fix", "--select", "NOPE"], "no rule has the code"),
        (["fix", "--gpu", "RTX 5O80"], "did you mean"),
        (["fix", "--format", "github"], "github"),
        (["fix", "/no/such/project"], "/no/such/project"),
        (["fix", "--python", "/no/such/python"], "/no/such/python"),
        (["undo", "20200101-000000-0000"], "no run is called"),
        (["undo", "../../etc"], "no run is called"),
        (["undo", "--forget", "\x1b[31m"], "no run is called"),
        (["undo", "--python", "/no/such/python"], "/no/such/python is not a usable Python"),
        (["undo", "--python", "/etc/passwd"], "/etc/passwd is not a usable Python"),
        (["undo", "--python", "no-such-command"], "no such command on PATH"),
        (["undo", "--list", "--python", "/no/such/python"], "/no/such/python"),
    ],
)
def test_usage_errors(arguments: list[str], says: str, empty: Venv) -> None:
    own = [] if "--python" in arguments or arguments[0] == "undo" else ["--python", str(empty.path)]
    done = empty.gpufix(*arguments, *own)
    assert done.returncode == 2
    assert says in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_to_undo_is_no_error(empty: Venv) -> None:
    own = ["--python", str(empty.path)]
    done = empty.gpufix("undo", *own)
    assert (done.returncode, done.stdout) == (0, f"there is nothing to undo in {empty.path}\n")
    assert empty.gpufix("undo", "--list", *own).stdout == "no runs\n"
    assert not (empty.home / ".local").exists(), "looking for runs makes no folder"


@pytest.mark.parametrize("content", [b"", b"garbage\nof two lines\n", b"\0" * 4096])
def test_a_damaged_journal_is_said_to_be(content: bytes, empty: Venv) -> None:
    run = Path(empty.home, ".local/state/gpufix/runs/20260101-000000-abcd")
    run.mkdir(parents=True)
    (run / "journal").write_bytes(content)
    done = empty.gpufix("undo")
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if b"garbage" in content else 0)


def test_a_read_only_state_directory(empty: Venv) -> None:
    """No state, no repair: said in one line, nothing changed."""
    empty.pip("install", "--no-deps", "six==1.16.0")
    (empty.site / "six.py").unlink()
    state = empty.home / "state-file"
    state.write_text("not a folder")
    done = empty.gpufix(
        "fix", "--apply", "--python", str(empty.python), env={"XDG_STATE_HOME": str(state)}
    )
    assert done.returncode == 1
    assert "failed" in done.stdout
    assert "Traceback" not in done.stderr
    assert not (empty.site / "six.py").exists()

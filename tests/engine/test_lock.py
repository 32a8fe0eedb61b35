"""One run at a time; a program that was given the lock keeps it when the run is gone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gpufix.engine.journal import lock
from gpufix.engine.run_context import Busy


def test_a_free_lock_is_taken_twice_in_a_row(tmp_path: Path) -> None:
    for _ in range(2):
        with lock.held(tmp_path, ["/env"], "gpufix fix"):
            pass


def test_patients_do_not_share_a_lock(tmp_path: Path) -> None:
    with lock.held(tmp_path, ["/one"], "gpufix fix"), lock.held(tmp_path, ["/two"], "gpufix fix"):
        pass


def test_a_second_run_says_who_holds_it(tmp_path: Path) -> None:
    with (
        lock.held(tmp_path, ["/env"], "gpufix fix"),
        pytest.raises(
            Busy, match=rf"/env is being changed by gpufix fix \(process {os.getpid()}\)"
        ),
        lock.held(tmp_path, ["/env"], "gpufix undo"),
    ):
        pass


def test_a_child_keeps_the_lock_and_is_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    with lock.held(tmp_path, ["/env"], "gpufix fix") as fds:
        command = [sys.executable, "-c", "import time; time.sleep(1)"]
        child = subprocess.Popen(command, pass_fds=fds)
    with pytest.raises(Busy), lock.held(tmp_path, ["/env"], "gpufix undo"):
        pass
    with lock.held(tmp_path, ["/env"], "gpufix undo", wait=30, say=said.append):
        assert child.wait(5) == 0
    assert len(said) == 1
    assert "waiting" in said[0]


@pytest.mark.parametrize("content", [b"", b"\xff\0", b"[]", b"{}", b'{"pid": "x", "what": 1}'])
def test_an_unreadable_holder_is_another_run(content: bytes, tmp_path: Path) -> None:
    with lock.held(tmp_path, ["/env"], "gpufix fix") as fds:
        os.ftruncate(fds[0], 0)
        os.pwrite(fds[0], content, 0)
        with pytest.raises(Busy, match="another run"), lock.held(tmp_path, ["/env"], "x"):
            pass


def test_a_program_may_hold_it_when_its_run_is_gone(tmp_path: Path) -> None:
    with lock.held(tmp_path, ["/env"], "gpufix fix") as fds:
        os.pwrite(fds[0], b'{"pid": 4194305, "what": "gpufix fix"}', 0)  # no process can have it
        said = r"a program that gpufix fix had started \(process 4194305, now gone\)"
        with pytest.raises(Busy, match=said), lock.held(tmp_path, ["/env"], "x"):
            pass


def test_a_shorter_name_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    for what in ("a very long command", "short"):
        with (
            lock.held(tmp_path, ["/env"], what),
            pytest.raises(Busy, match=rf"by {what} \("),
            lock.held(tmp_path, ["/env"], "x"),
        ):
            pass


def test_folders_are_made_for_this_user_alone(tmp_path: Path) -> None:
    lock.make_folder(tmp_path / "a" / "b")
    lock.make_folder(tmp_path / "a" / "b")
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "a", tmp_path / "a" / "b")}
    assert modes == {0o700}


def test_a_new_file_takes_the_place_of_a_leftover_and_of_no_link(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "listing", tmp_path / "elsewhere"
    path.write_bytes(b"of an earlier attempt")
    lock.write_new(path, b"new")
    assert path.read_bytes() == b"new"
    lock.write_new(elsewhere, b"mine")
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    path.unlink()
    path.symlink_to(elsewhere)
    with pytest.raises(OSError):
        lock.write_new(path, b"over it")
    assert elsewhere.read_bytes() == b"mine"

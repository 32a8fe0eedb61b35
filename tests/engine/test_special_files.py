"""Named pipes, sockets and devices: nobody waits for them, reads them without end, or loses them."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trees
from steps_for import STEPS, carry_out
from trees import Patient

from gpufix.engine.journal import aside, runs, undo_run
from gpufix.engine.journal.undo_run import Changed


def a_socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_DIRECTORY)  # its own path may be too long for an address
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def a_device(path: Path) -> None:
    """As /dev/zero, which never ends."""
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))


SPECIAL = [os.mkfifo, a_socket, pytest.param(a_device, marks=pytest.mark.needs("root"))]


def kinds(patient: Patient) -> dict[str, Any]:
    """Kind, mode, and what regular files hold."""
    found = {}
    for path in patient.root.rglob("*"):
        if not path.is_relative_to(patient.state):
            mode = path.lstat().st_mode
            found[str(path)] = (mode, path.read_bytes() if stat.S_ISREG(mode) else None)
    return found


@pytest.mark.parametrize("make", SPECIAL)
def test_those_that_are_there_are_no_obstacle(make: Callable[[Path], None], here: Patient) -> None:
    for path in (here.project / "plain", here.project / "build/a/p.o", here.site / "p.py"):
        make(path)
    before = kinds(here)
    folder = carry_out(here, STEPS["build"](here))
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, kinds(here)) == {}


@pytest.mark.parametrize("make", SPECIAL)
@pytest.mark.parametrize("near", [True, False])
def test_those_that_somebody_has_put_in_a_files_place_are_put_aside(
    near: bool, make: Callable[[Path], None], here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(here.root / "store")  # other names of what the build writes into
    before = kinds(here)
    folder = carry_out(here, STEPS["build"](here))
    paths = [here.project / "build/a/x.o", here.site / "built/part1/mod1.py"]
    for path in paths:
        path.unlink()
        make(path)
    with pytest.raises(Changed):
        undo_run.undo(runs.load(folder))
    undo_run.preview(runs.load(folder))
    if not near:  # they stay, and are named
        with monkeypatch.context() as patch:
            patch.setattr(aside.os, "rename", _elsewhere)
            undone = undo_run.undo(runs.load(folder), force=True)
        assert undone.problems[:1] == (
            f"{paths[1]}: neither a file nor a link, and cannot be moved from here",
        )
    undone = undo_run.undo(runs.load(folder), force=True)
    assert undone.problems == ()
    assert trees.differences(before, kinds(here)) == {}
    special = {was for lies, was in aside.held(folder / "aside") if not Path(lies).is_file()}
    assert special == {str(path) for path in paths}


def _elsewhere(source: str, target: str) -> None:
    """Another file system: only what is copied there gets its name."""
    if not source.endswith(".half"):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    Path(source).replace(target)

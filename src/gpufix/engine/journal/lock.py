"""One run at a time on a patient, and writes that are on the disk when the function returns."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpufix.engine.run_context import Busy


def write_all(fd: int, data: bytes) -> None:
    """Every byte, however often the kernel stops. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Create a file, or replace a leftover of an earlier attempt, and sync it and its folder."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_folder(path.parent)


def sync_folder(path: Path | str) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path) -> None:
    """Create a folder and its parents, private to the user, durably."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)


_POLL = 0.2  # seconds


@contextmanager
def held(
    state: Path, prefix: str, what: str, wait: float = 0.0, say: Callable[[str], None] | None = None
) -> Iterator[int]:
    """Hold the patient's lock; yields its descriptor, to be passed to every child.

    With `wait`, up to so many seconds for another holder, which is named through `say`.
    Raises Busy, OSError.
    """
    fd = _open(state, prefix)
    try:
        _acquire(fd, prefix, time.monotonic() + wait, say)
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"pid": os.getpid(), "what": what}).encode(), 0)
        yield fd
    finally:
        os.close(fd)


def _open(state: Path, prefix: str) -> int:
    folder = state / "locks"
    make_folder(folder)
    name = hashlib.sha256(os.fsencode(prefix)).hexdigest()[:16]
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(folder / f"{name}.lock", flags, 0o600)


def _acquire(fd: int, prefix: str, deadline: float, say: Callable[[str], None] | None) -> None:
    reported = False
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            message = f"{prefix} is being changed by {_holder(fd)}"
            if time.monotonic() >= deadline:
                raise Busy(message) from None
        if say is not None and not reported:
            say(f"{message}; waiting for it to end")
            reported = True
        time.sleep(_POLL)


def _holder(fd: int) -> str:
    try:
        holder: Any = json.loads(os.pread(fd, 4096, 0))
        pid, what = int(holder["pid"]), str(holder["what"])
    except (ValueError, LookupError, TypeError):
        return "another run"
    if Path(f"/proc/{pid}").exists():
        return f"{what} (process {pid})"
    return f"a program that {what} had started (process {pid}, now gone)"

"""One run at a time on a patient, and writes that are on the disk when the function returns."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gpufix.engine.run_context import Busy

try:
    import fcntl
except ImportError:  # Windows, where plans are shown and nothing is changed
    fcntl = None  # type: ignore[assignment]


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


def folders(prefix: str, project: str | None) -> list[str]:
    """What is locked for a patient: two environments may share a project."""
    return [os.path.realpath(path) for path in (prefix, project) if path]


@contextmanager
def held(
    state: Path,
    folders: Sequence[str],
    what: str,
    wait: float = 0.0,
    say: Callable[[str], None] | None = None,
) -> Iterator[tuple[int, ...]]:
    """Lock the patient's folders; yields the descriptors, to be passed to every child.

    Each folder itself is locked (flock), so that no other state directory and no other user misses it,
    and a file in `state` that says who holds it. With `wait`, up to so many seconds for another
    holder, which is named through `say`. Raises Busy, OSError.
    """
    deadline = time.monotonic() + wait
    with ExitStack() as stack:
        taken: list[int] = []
        for folder in sorted(dict.fromkeys(folders)):  # in one order: two that wait for each other
            note = _open(state, folder)
            for fd in (note, _folder(folder)):
                if fd is not None:
                    stack.callback(os.close, fd)
                    _acquire(fd, note, folder, deadline, say)
                    taken.append(fd)
            os.ftruncate(note, 0)
            os.pwrite(note, json.dumps({"pid": os.getpid(), "what": what}).encode(), 0)
        yield tuple(taken)


def _open(state: Path, folder: str) -> int:
    locks = state / "locks"
    make_folder(locks)
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(locks / f"{name}.lock", flags, 0o600)


def _folder(path: str) -> int | None:
    """The folder itself; None where it is gone, or on a file system that locks no folders."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return fd
    except OSError:  # NFS wants a descriptor that can write
        os.close(fd)
        return None
    return fd


def _acquire(
    fd: int, note: int, folder: str, deadline: float, say: Callable[[str], None] | None
) -> None:
    reported = False
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            message = f"{folder} is being changed by {_holder(note)}"
            if time.monotonic() >= deadline:
                raise Busy(message) from None
        if say is not None and not reported:
            say(f"{message}; waiting for it to end")
            reported = True
        time.sleep(_POLL)


def _holder(fd: int) -> str:
    """Who wrote the note last; a holder with another state directory leaves none here."""
    try:
        holder: Any = json.loads(os.pread(fd, 4096, 0))
        pid, what = int(holder["pid"]), str(holder["what"])
    except (ValueError, LookupError, TypeError):
        return "another run of gpufix"
    if Path(f"/proc/{pid}").exists():
        return f"{what} (process {pid})"
    return f"a program that {what} had started (process {pid}, now gone), or another user's gpufix"

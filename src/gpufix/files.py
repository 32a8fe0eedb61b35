"""The one way to open a file that others wrote: nothing blocks, and nobody reads more than he asks for.

tests/core/test_openers.py holds that no other file of src opens any.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

Name = str | os.PathLike[str]

# O_NONBLOCK: a named pipe that takes a regular file's place after the look at it must not block.
# Windows has none of these three, and opens files as text without O_BINARY.
_NAMES = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in _NAMES)
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_OWN = 256 << 20
# Streams that this process was given. `command <(other command)` names one, too.
_OWN_STREAM = re.compile(r"/dev/(stdin)|/(?:dev|proc/self)/fd/(\d{1,9})")


# A folder that is held open, by its descriptor; where the system opens none (Windows), its path.
Folder = int | str


@contextmanager
def opened_folder(path: Name) -> Iterator[Folder]:
    """A folder while the block lasts: its files are the same ones, whatever becomes of its name.

    Raises OSError.
    """
    if os.stat not in os.supports_dir_fd:
        with os.scandir(path):  # to be sure that it is one, and may be read
            yield os.fspath(path)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def stat_in(folder: Folder, path: Name) -> os.stat_result:
    """The status of a file below an open folder. Raises OSError."""
    if isinstance(folder, str):
        return os.stat(f"{folder}/{os.fspath(path)}")  # noqa: PTH116 - Path.stat costs four times as much
    return os.stat(path, dir_fd=folder)


def open_regular(path: Name, dir_fd: Folder | None = None) -> int:
    """A descriptor of a regular file. Raises OSError, which says what it is otherwise.

    A device is not opened at all: that alone can do something (a watchdog, a tape).
    """
    if isinstance(dir_fd, str):
        path, dir_fd = f"{dir_fd}/{os.fspath(path)}", None
    try:
        _require_regular(os.stat(path, dir_fd=dir_fd))
        descriptor = os.open(path, _FLAGS, dir_fd=dir_fd)
    except ValueError as error:  # a NUL in the path
        raise OSError(errno.EINVAL, str(error)) from error
    try:
        _require_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")
    raise OSError(errno.EINVAL, f"it is {kind}")


@contextmanager
def opened(path: Name, dir_fd: Folder | None = None) -> Iterator[int]:
    """A descriptor of a regular file while the block lasts. Raises OSError."""
    descriptor = open_regular(path, dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(path: Name, limit: int, dir_fd: Folder | None = None) -> bytes:
    """The first `limit` bytes of a regular file. Raises OSError."""
    descriptor = open_regular(path, dir_fd)
    try:
        return _head(descriptor, limit)
    finally:
        os.close(descriptor)


def _head(descriptor: int, limit: int) -> bytes:
    size = os.fstat(descriptor).st_size  # 0 in /proc and /sys
    limit = max(0, min(limit, size) if size else limit)
    data = os.read(descriptor, limit)
    while len(data) < limit and (more := os.read(descriptor, limit - len(data))):
        data += more
    return data


def read_unlinked(path: str, limit: int) -> bytes:
    """The first `limit` bytes of a regular file that is no link. Raises OSError.

    With fewer looks at it than `read` takes: a project has thousands of files.
    """
    _require_regular(_no_link(os.lstat(path)))
    descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
    try:
        _require_regular(os.fstat(descriptor))
        return _head(descriptor, limit)
    finally:
        os.close(descriptor)


def _no_link(status: os.stat_result) -> os.stat_result:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "a link: not followed")
    return status


def read_end(path: Name, limit: int) -> bytes:
    """The last `limit` bytes of a regular file, which may be growing. Raises OSError."""
    with os.fdopen(open_regular(path), "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
        return file.read(limit)


def read_whole(path: Name, limit: int, dir_fd: Folder | None = None) -> bytes:
    """A regular file of at most `limit` bytes. Raises OSError, TooLarge among them."""
    data = read(path, limit + 1, dir_fd)
    if len(data) > limit:
        raise TooLarge(limit)
    return data


class TooLarge(OSError):
    """A file has more bytes than its kind ever needs."""

    def __init__(self, limit: int) -> None:
        shown = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
        super().__init__(errno.EFBIG, f"larger than {shown}")


@contextmanager
def given(path: str) -> Iterator[IO[bytes]]:
    """A file that the user names: a regular one, or one of this process's own streams.

    These (/dev/stdin, /dev/fd/63) are read as they come, as `-` is. Raises OSError.
    """
    own = _OWN_STREAM.fullmatch(path)
    descriptor = os.dup(int(own[2] or 0)) if own else open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_given(path: str, limit: int) -> bytes:
    """All bytes of a file that the user names. Raises OSError, TooLarge among them."""
    with given(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(limit)
    return data


def is_binary(path: Name) -> bool:
    """Whether it is an ELF file: the kernel runs it, and no interpreter reads a text of somebody's."""
    try:
        return read(path, 4) == b"\x7fELF"
    except OSError:
        return False


def is_windows_program(path: Name) -> bool:
    """Whether it is a program of Windows: read here, never run."""
    try:
        return str(path).lower().endswith(".exe") and read(path, 2) == b"MZ"
    except OSError:
        return False


def own(path: Name) -> bytes:
    """A file that is a part of gpufix. Raises OSError."""
    return read_whole(path, _OWN)


def read_at(descriptor: int, length: int, at: int) -> bytes:
    """Bytes of an open file by position. Raises OSError."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, at)
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, length)


def next_data(descriptor: int, at: int, end: int) -> int:
    """The first position from `at` that is no hole of a sparse file; `end` when there is none."""
    return _sought(descriptor, at, end, "SEEK_DATA", end)


def next_hole(descriptor: int, at: int, end: int) -> int:
    """Where the data at `at` ends, at most `end`."""
    return _sought(descriptor, at, end, "SEEK_HOLE", at)


def _sought(descriptor: int, at: int, end: int, what: str, beyond: int) -> int:
    try:
        return min(os.lseek(descriptor, at, getattr(os, what)), end)
    except (OSError, AttributeError) as error:
        if getattr(error, "errno", None) == errno.ENXIO:  # nothing of it follows
            return beyond
        return at if what == "SEEK_DATA" else end  # a file system that does not tell

"""Bounded reads of untrusted files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@contextmanager
def opened_file(path: str | os.PathLike[str], dir_fd: int | None = None) -> Iterator[int]:
    """A descriptor of a regular file.

    Raises OSError, also for anything that is not a regular file (a FIFO would block for ever).
    """
    try:
        descriptor = os.open(path, _FLAGS, dir_fd=dir_fd)
    except ValueError as error:  # a NUL in the path
        raise OSError(str(error)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def read(path: str | os.PathLike[str], limit: int, dir_fd: int | None = None) -> bytes:
    """The first `limit` bytes of a regular file. Raises OSError."""
    chunks = []
    with opened_file(path, dir_fd) as descriptor:
        size = os.fstat(descriptor).st_size  # 0 in /proc and /sys
        limit = min(limit, size) if size else limit
        while limit > 0 and (chunk := os.read(descriptor, limit)):
            chunks.append(chunk)
            limit -= len(chunk)
    return b"".join(chunks)


def text_of(path: str | os.PathLike[str], limit: int) -> str:
    """The first `limit` bytes of a regular file as text; empty when it cannot be read."""
    try:
        return text(read(path, limit))
    except OSError:
        return ""


def json_text(value: object) -> str:
    """A text that JSON holds, as `text` gives it. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:80]!r} is not a text")
    return text(value)


def json_number(value: object) -> int:
    """A whole number that JSON holds. Raises TypeError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{str(value)[:80]!r} is not a whole number")
    return value


def why(error: BaseException) -> str:
    """One line for a gap, without the path that the gap already names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def text(raw: bytes | str) -> str:
    """Text that can be written as UTF-8 whatever the bytes or file name were."""
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "backslashreplace")
    return raw.encode("utf-8", "backslashreplace").decode("utf-8")

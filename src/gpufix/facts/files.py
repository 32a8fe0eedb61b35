"""Bounded reads of untrusted files."""

from __future__ import annotations

import os
import stat

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def read(path: str | os.PathLike[str], limit: int, dir_fd: int | None = None) -> bytes:
    """The first `limit` bytes of a regular file.

    Raises OSError, also for anything that is not a regular file (a FIFO would block for ever).
    """
    try:
        descriptor = os.open(path, _FLAGS, dir_fd=dir_fd)
    except ValueError as error:  # a NUL in the path
        raise OSError(str(error)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        return _read(descriptor, min(limit, status.st_size) if status.st_size else limit)
    finally:
        os.close(descriptor)


def _read(descriptor: int, limit: int) -> bytes:
    chunks = []
    while limit > 0 and (chunk := os.read(descriptor, limit)):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def why(error: BaseException) -> str:
    """One line for a gap, without the path that the gap already names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def text(raw: bytes | str) -> str:
    """Text that can be written as UTF-8 whatever the bytes or file name were."""
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "backslashreplace")
    return raw.encode("utf-8", "backslashreplace").decode("utf-8")

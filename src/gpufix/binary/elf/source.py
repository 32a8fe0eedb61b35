"""The bytes of one file: mapped on first use, released at will, mapped again when asked for."""

from __future__ import annotations

import mmap
import os
import stat
import sys

from .errors import ElfError

# Below this size one read() is cheaper than a mapping and its page faults.
SMALL_FILE = 32 * 1024
# CPython keeps a descriptor for each mapping unless told not to (3.13): thousands would hit the limit.
_MAP_OPTIONS: dict[str, bool] = {"trackfd": False} if sys.version_info >= (3, 13) else {}

Buffer = bytes | mmap.mmap


class Source:
    """A regular file of known size and identity; `buffer()` gives all its bytes."""

    __slots__ = ("_buffer", "identity", "path", "size", "stamp")

    def __init__(self, path: str, buffer: bytes | None = None) -> None:
        self.path = path
        self._buffer: Buffer | None = buffer
        self.size = 0 if buffer is None else len(buffer)
        self.identity: tuple[int, int] | None = None
        self.stamp = 0
        if buffer is None:
            self._buffer = self._open(first=True)

    def buffer(self) -> Buffer:
        """The whole file. Raises ElfError when it changed since it was first read."""
        if self._buffer is None:
            self._buffer = self._open(first=False)
        return self._buffer

    def release(self) -> None:
        """Drop the mapping; views that are still held keep it alive until they go."""
        if self.identity is not None:
            self._buffer = None

    @property
    def mapped(self) -> bool:
        return isinstance(self._buffer, mmap.mmap)

    def _open(self, first: bool) -> Buffer:
        try:
            # O_NONBLOCK: a FIFO of that name must not hang the reader.
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise ElfError(self.path, f"cannot open: {error}", "file") from error
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise ElfError(self.path, "not a regular file", "file")
            if first:
                self.size = status.st_size
                self.identity = (status.st_dev, status.st_ino)
                self.stamp = status.st_mtime_ns
            elif status.st_size != self.size or status.st_mtime_ns != self.stamp:
                raise ElfError(self.path, "changed while it was read", "file")
            return self._load(handle)
        except (OSError, ValueError) as error:
            if isinstance(error, ElfError):
                raise
            raise ElfError(self.path, f"cannot read: {error}", "file") from error
        finally:
            os.close(handle)

    def _load(self, handle: int) -> Buffer:
        if self.size > SMALL_FILE:
            return mmap.mmap(handle, self.size, access=mmap.ACCESS_READ, **_MAP_OPTIONS)
        data = os.read(handle, self.size) if self.size else b""
        self.size = len(data)
        return data

"""The bytes of a file by position, with pread: cheaper than a mapping when a gigabyte is touched in
three thousand places (libtorch_cuda.so), and a file cut short meanwhile is an error, not SIGBUS."""

from __future__ import annotations

import os
import re
import stat
from types import TracebackType

from gpufix.binary.gpucode.images import CodeError

SMALL_FILE = 64 * 1024
CHUNK = 1 << 20
_NONZERO = re.compile(rb"[^\0]")


def open_regular(path: str) -> int:
    """A descriptor of a regular file. Raises CodeError for anything else."""
    try:
        # O_NONBLOCK: a FIFO of that name must not hang the reader.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise CodeError(f"{path}: cannot open: {error}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise CodeError(f"{path}: not a regular file")
    return handle


class FileBytes:
    """Reads like bytes: len(), and slices within it. Raises CodeError where the file fails."""

    def __init__(self, path: str) -> None:
        self._handle = open_regular(path)
        self._size = os.fstat(self._handle).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop = part.start or 0, self._size if part.stop is None else part.stop
        length = min(stop, self._size) - start
        if length <= 0:
            return b""
        try:
            data = os.pread(self._handle, length, start)
        except OSError as error:
            raise CodeError(f"cannot read: {error}") from error
        if len(data) < length:
            raise CodeError("the file was cut short while it was read")
        return data

    def __enter__(self) -> FileBytes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        os.close(self._handle)


Bytes = bytes | FileBytes


def find(data: Bytes, needle: bytes, start: int, end: int) -> int:
    """As bytes.find, in chunks: -1 when needle is not within data[start:end]."""
    overlap = len(needle) - 1
    for at in range(start, end, CHUNK):
        found = data[at : min(at + CHUNK + overlap, end)].find(needle)
        if found >= 0:
            return at + found
    return -1


def skip_zeros(data: Bytes, start: int, end: int) -> int:
    """The first position from start whose byte is not zero; end when there is none."""
    at, step = start, 64
    while at < end:
        found = _NONZERO.search(data[at : min(at + step, end)])
        if found:
            return at + found.start()
        at, step = at + step, CHUNK
    return end

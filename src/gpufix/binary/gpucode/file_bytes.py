"""The bytes of a file by position, with pread: cheaper than a mapping when a gigabyte is touched in
three thousand places (libtorch_cuda.so), and a file cut short meanwhile is an error, not SIGBUS."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from types import TracebackType

from gpufix import files
from gpufix.binary.gpucode.images import CodeError

SMALL_FILE = 64 * 1024
CHUNK = 1 << 20
# libtorch_cuda.so has 1.6 GB. Where sections say what is where, padding alone is searched.
MAX_SEARCHED = 2 << 30
_NONZERO = re.compile(rb"[^\0]")


def open_regular(path: str) -> int:
    """A descriptor of a regular file. Raises CodeError for anything else."""
    try:
        return files.open_regular(path)
    except OSError as error:
        raise CodeError(f"{path}: cannot open: {error.strerror or error}") from error


class FileBytes:
    """Reads like bytes: len(), and slices within it. Raises CodeError where the file fails."""

    def __init__(self, path: str) -> None:
        self._handle = open_regular(path)
        self._size = os.fstat(self._handle).st_size
        self._stretch = (0, 0)  # of data, without a hole
        self._searched = 0

    def __len__(self) -> int:
        return self._size

    def stretch(self, at: int, end: int, most: int) -> tuple[int, int]:
        """The next bytes of data from `at` on that are no hole of a sparse file, at most `most`.

        (end, end) when there are none. CodeError once MAX_SEARCHED bytes have been searched.
        """
        if not self._stretch[0] <= at < self._stretch[1]:
            first = files.next_data(self._handle, at, self._size)
            self._stretch = (first, files.next_hole(self._handle, first, self._size))
        first = min(max(at, self._stretch[0]), end)
        stop = min(self._stretch[1], first + most, end)
        self._searched += stop - first
        if self._searched > MAX_SEARCHED:
            raise CodeError(f"only {MAX_SEARCHED >> 30} GiB of it were searched")
        return first, stop

    def __getitem__(self, part: slice) -> bytes:
        start, stop = part.start or 0, self._size if part.stop is None else part.stop
        length = min(stop, self._size) - start
        if length <= 0:
            return b""
        try:
            data = files.read_at(self._handle, length, start)
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


def _stretches(data: Bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where data[start:end] may hold other bytes than zeros, in steps that grow up to CHUNK."""
    at, step = start, 64
    while at < end:
        if isinstance(data, bytes):
            first, at = at, min(at + step, end)
        else:
            first, at = data.stretch(at, end, step)
        if first < at:
            yield first, at
        step = min(16 * step, CHUNK)


def find(data: Bytes, needles: tuple[bytes, ...], start: int, end: int) -> int:
    """The first place of any needle within data[start:end], -1 without one. None starts with a NUL."""
    overlap = max(map(len, needles)) - 1
    for first, stop in _stretches(data, start, end):
        piece = data[first : min(stop + overlap, end)]
        found = [at for needle in needles if (at := piece.find(needle)) >= 0]
        if found:
            return first + min(found)
    return -1


def skip_zeros(data: Bytes, start: int, end: int) -> int:
    """The first position from start whose byte is not zero; end when there is none."""
    for first, stop in _stretches(data, start, end):
        found = _NONZERO.search(data[first:stop])
        if found:
            return first + found.start()
    return end

"""The journal of a run: JSON lines that are on the disk before what they announce is done.

Each line is `LENGTH CRC32 JSON`, both numbers in 8 hexadecimal digits: a last line that a power
cut tore is recognised and dropped; damage anywhere else is an error.
"""

from __future__ import annotations

import json
import os
import re
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

from gpufix import files
from gpufix.engine.journal.lock import sync_folder, write_all
from gpufix.engine.run_context import CorruptJournal

Row = dict[str, Any]
_HEAD = re.compile(rb"([0-9a-f]{8}) ([0-9a-f]{8}) ")
_LIMIT = 64 << 20  # bytes; a run writes a few kilobytes
FORMAT = 1  # of journals and listings; one that an older gpufix would misread gets a higher number


class Journal:
    """An append-only journal, open for writing. `rows` is what it holds."""

    def __init__(self, path: Path):
        """Open or create it; a torn last line is cut off. Raises OSError, Corrupt."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        sync_folder(path.parent)
        self.rows, end = parse(read(path))
        if os.fstat(self._fd).st_size != end:
            os.ftruncate(self._fd, end)
            os.fsync(self._fd)

    def append(self, kind: str, **fields: Any) -> None:
        """Add a row, with the time in nanoseconds, and sync it."""
        row = {"type": kind, "at": time.time_ns(), **fields}
        write_all(self._fd, line(row))
        os.fsync(self._fd)
        self.rows.append(row)

    def close(self) -> None:
        """Close the file; rows stay readable."""
        os.close(self._fd)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def line(row: Row) -> bytes:
    """One protected line."""
    data = json.dumps(row).encode("ascii")
    return b"%08x %08x %s\n" % (len(data), zlib.crc32(data), data)


def read(path: Path) -> bytes:
    """The journal's bytes. Raises OSError, Corrupt."""
    try:
        return files.read_whole(path, _LIMIT)
    except files.TooLarge:
        raise CorruptJournal(f"{path} is too long for a journal") from None


def parse(data: bytes) -> tuple[list[Row], int]:
    """The rows, and where the last whole one ends. Raises Corrupt for damage before the last."""
    rows: list[Row] = []
    end = 0
    while end < len(data):
        row, after = _one(data, end)
        if row is None:
            if b"\n" in data[end:-1]:
                raise CorruptJournal(f"the journal is damaged at byte {end}")
            break
        rows.append(row)
        end = after
    return rows, end


def _one(data: bytes, start: int) -> tuple[Row | None, int]:
    head = _HEAD.match(data, start)
    if head is None:
        return None, start
    stop = head.end() + int(head[1], 16)
    body = data[head.end() : stop]
    if data[stop : stop + 1] != b"\n" or zlib.crc32(body) != int(head[2], 16):
        return None, start
    try:
        row = json.loads(body)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or not isinstance(row.get("type"), str):
        raise CorruptJournal(f"the journal holds no row of gpufix's at byte {start}")
    return row, stop + 1

"""Reads a log of any size, in any of the encodings that logs come in, piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

PIECE = 1 << 18  # bytes
_LOOK = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """The log as UTF-8, at most PIECE bytes (or characters) at a time; NULs are left out.

    UTF-16 is what PowerShell's `>` writes: told by its mark, or by every other byte being NUL.
    """
    first = file.read(PIECE)
    encoding, skip = _encoding(first)
    decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding != "utf-8" else None
    piece = first[skip:]
    while piece:
        if decoder is not None:
            piece = decoder.decode(piece).encode("utf-8", "replace")
        yield piece.replace(b"\0", b"") if b"\0" in piece else piece
        piece = file.read(PIECE)


def _encoding(first: bytes) -> tuple[str, int]:
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name, len(mark)
    head = first[:_LOOK]
    if len(head) >= 8:
        for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            half, other = head[offset::2], head[1 - offset :: 2]
            if half.count(0) > 0.6 * len(half) and not other.count(0):
                return name, 0
    return "utf-8", 0

"""The texts of a compiled module, those that Cython compresses as well: by zlib, from 3.3 on its own way."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import islice

_COMPRESSED = b"CYTHON_COMPRESS_STRINGS"  # of the message for a Python without zlib
_PACKED = b"LZSS string data decompression failed"
_PACK = re.compile(rb"\xff[\x20-\x7e]{8}")  # eight bytes that are no reference, as none can be yet
_ALIGNED = 8
_END = bytes(16)
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_TRIED, _LONGEST, _TEXT = 4_000, 1 << 20, 200


def texts(data: bytes) -> Iterator[bytes]:
    """The file itself, and what is compressed in it."""
    yield data
    if _PACKED in data:
        yield from _packed(data)
    if _COMPRESSED not in data:
        return
    view = memoryview(data)
    for found in islice(_ZLIB.finditer(data), _TRIED):
        try:
            text = zlib.decompressobj().decompress(view[found.start() :][:_LONGEST], _LONGEST)
        except zlib.error:
            continue
        if len(text) >= _TEXT:
            yield text


def _packed(data: bytes) -> Iterator[bytes]:
    """What Cython 3.3 packed. Nothing tells where it begins, but that compilers align it."""
    starts = (found.start() for found in _PACK.finditer(data))
    aligned = (start for start in starts if start % _ALIGNED == 0)
    for start in islice(aligned, _TRIED):
        text = unpacked(data[start : start + _LONGEST])
        if len(text) >= _TEXT:
            yield text


def unpacked(data: bytes) -> bytes:
    """Up to the first reference to before the beginning; what follows the end is no text.

    Cython/Utility/StringTools.c of Cython 3.3: a byte of eight flags, the lowest first, then for each a
    byte (1) or a reference (0): 7 bits of offset and a length; 0x80 in the first byte, 9 bits and
    a length of 5; in both, 14 bits and a length in a third. Offsets count from the end of what
    is repeated, those of 9 and 14 bits from 0x80; lengths from 3.
    """
    out, at, end = bytearray(), 0, data.find(_END)
    end = end if end >= 0 else len(data)
    data = data[:end] + bytes(25)  # eight references, and their flags
    while at < end and len(out) < _LONGEST:
        flags, at = data[at], at + 1
        if flags == 0xFF:
            out += data[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            low, high, at = data[at], data[at + 1], at + 2
            if low < 0x80:
                offset, length = low, high
            elif high < 0x80:
                offset, length = 0x80 + ((high << 2 & 0x180) | low & 0x7F), high & 0x1F
            else:
                offset, length, at = 0x80 + ((high & 0x7F) << 7 | low & 0x7F), data[at], at + 1
            start = len(out) - offset - length - 3
            if start < 0:
                return bytes(out)
            out += out[start : start + length + 3]
    return bytes(out)

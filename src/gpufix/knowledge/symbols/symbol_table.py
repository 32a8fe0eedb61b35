"""The table of symbols by release, and how it is packed."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple


def pack(releases: tuple[str, ...], rows: Mapping[str, Masks]) -> bytes:
    """The table of `rows`, whose masks speak of `releases`.

    Raises SymbolTableError when two names hash alike or a count outgrows its field.
    """
    masks = sorted(set(rows.values()))
    if len(releases) > 64 or len(masks) > 0xFFFF:
        raise SymbolTableError("more than 64 releases or 65,535 distinct masks: widen the layout")
    number = {mask: i for i, mask in enumerate(masks)}
    ordered = sorted((*name_hash(name), number[mask]) for name, mask in rows.items())
    if len({row[:2] for row in ordered}) != len(ordered):
        raise SymbolTableError("two names have the same hash")
    starts = [0] * (BUCKETS + 1)
    for bucket, _, _ in ordered:
        starts[bucket + 1] += 1
    for bucket in range(BUCKETS):
        starts[bucket + 1] += starts[bucket]
    text = " ".join(releases).encode("ascii")
    body = text + b"".join(
        (
            _bytes("Q", [word for mask in masks for word in mask]),
            _bytes("I", starts),
            _bytes("I", [key for _, key, _ in ordered]),
            _bytes("H", [mask for _, _, mask in ordered]),
        )
    )
    return HEADER.pack(MAGIC, checksum(body), len(text), len(masks), len(ordered)) + body


def _bytes(code: str, values: list[int]) -> bytes:
    words = array(code, values)
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


MAGIC = b"GFXSYMB1"
HEADER = struct.Struct("<8s16sHHI")  # magic, checksum of the rest, releases' bytes, masks, rows
BUCKETS = 1 << 12
CHECKSUM_SIZE = 16


class Masks(NamedTuple):
    """Which releases export a name, by the kind of library that does; bit i is release i."""

    core: int
    python: int
    cuda: int

    @property
    def any(self) -> int:
        return self.core | self.python | self.cuda


class SymbolTableError(ValueError):
    """The shipped table is damaged or of another version."""


def name_hash(name: str) -> tuple[int, int]:
    """(bucket, 32-bit key) of a name."""
    digest = blake2b(name.encode("utf-8", "surrogateescape"), digest_size=6).digest()
    value = int.from_bytes(digest, "little")
    return (value >> 32) & (BUCKETS - 1), value & 0xFFFFFFFF


def checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=CHECKSUM_SIZE).digest()


class HistoryTable:
    """Answers which releases export a name, from the hashed table."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER.size or not data.startswith(MAGIC):
            raise SymbolTableError("not a symbol table of this version")
        _, expected, names, masks, rows = HEADER.unpack_from(data)
        if checksum(data[HEADER.size :]) != expected:
            raise SymbolTableError("symbol table is damaged: checksum differs")
        at = HEADER.size + names
        self.releases = tuple(data[HEADER.size : at].decode("ascii").split())
        words = _array("Q", data, at, 3 * masks)
        self.masks = [Masks(*words[i : i + 3]) for i in range(0, 3 * masks, 3)]
        at += 24 * masks
        self._starts = _array("I", data, at, BUCKETS + 1)
        at += 4 * (BUCKETS + 1)
        self._keys = _array("I", data, at, rows)
        self._mask = _array("H", data, at + 4 * rows, rows)

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, name: str) -> Masks | None:
        """The masks of `name`; None when no listed name hashes as it does."""
        bucket, key = name_hash(name)
        end = self._starts[bucket + 1]
        row = bisect_left(self._keys, key, self._starts[bucket], end)
        if row < end and self._keys[row] == key:
            return self.masks[self._mask[row]]
        return None


def _array(code: str, data: bytes, at: int, count: int) -> array[int]:
    values = array(code)
    values.frombytes(data[at : at + count * values.itemsize])
    if sys.byteorder == "big":
        values.byteswap()
    return values

"""The table of symbols by release, and how it is packed."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple


def pack(releases: tuple[str, ...], rows: Mapping[str, Masks]) -> bytes:
    """The table of `rows`, whose masks speak of `releases`.

    Raises SymbolTableError when two names hash alike or a count outgrows its field.
    """
    masks = sorted(set(rows.values()))
    if len(releases) > 64 or len(masks) > 0xFFFF:
        raise SymbolTableError("more than 64 releases or 65,535 distinct masks: widen the layout")
    number = {mask: i for i, mask in enumerate(masks)}
    salt = _parting(rows)
    ordered = sorted((*name_hash(name, salt), number[mask]) for name, mask in rows.items())
    sizes = [0] * BUCKETS
    for bucket, _, _ in ordered:
        sizes[bucket] += 1
    if max(sizes) > 0xFF:
        raise SymbolTableError("more than 255 names in a bucket: widen the layout")
    text = " ".join(releases).encode("ascii")
    body = text + b"".join(
        (
            _bytes("Q", [word for mask in masks for word in mask]),
            bytes(sizes),
            b"".join(key for _, key, _ in ordered),
            _bytes("H", [mask for _, _, mask in ordered]),
        )
    )
    return HEADER.pack(MAGIC, checksum(body), salt, len(text), len(masks), len(ordered)) + body


def _parting(names: Iterable[str]) -> int:
    """The first salt with which no two of the names hash alike."""
    every = list(names)
    for salt in range(256):
        if len({name_hash(name, salt) for name in every}) == len(every):
            return salt
    raise SymbolTableError("two names hash alike with every salt: widen the layout")


def _bytes(code: str, values: list[int]) -> bytes:
    words = array(code, values)
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


MAGIC = b"GFXSYMB3"
HEADER = struct.Struct(
    "<8s16sBHHI"
)  # magic, checksum of the rest, salt, releases' bytes, masks, rows
# A name that is not listed hashes as one that is, once in sixteen thousand: 14 and 16 bits for 2 ** 16 names.
BUCKETS, KEY = 1 << 14, 2  # bytes
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


def name_hash(name: str, salt: int) -> tuple[int, bytes]:
    """(bucket, key) of a name."""
    text = name.encode("utf-8", "surrogateescape")
    digest = blake2b(text, digest_size=KEY + 2, salt=bytes([salt])).digest()
    return int.from_bytes(digest[KEY:], "little") & (BUCKETS - 1), digest[:KEY]


def checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=CHECKSUM_SIZE).digest()


class HistoryTable:
    """Answers which releases export a name, from the hashed table."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER.size or not data.startswith(MAGIC):
            raise SymbolTableError("not a symbol table of this version")
        _, expected, self._salt, names, masks, rows = HEADER.unpack_from(data)
        if checksum(data[HEADER.size :]) != expected:
            raise SymbolTableError("symbol table is damaged: checksum differs")
        at = HEADER.size + names
        self.releases = tuple(data[HEADER.size : at].decode("ascii").split())
        words = _array("Q", data, at, 3 * masks)
        self.masks = [Masks(*words[i : i + 3]) for i in range(0, 3 * masks, 3)]
        at += 24 * masks
        self._starts = [0, *accumulate(data[at : at + BUCKETS])]
        at += BUCKETS
        self._keys = data[at : at + KEY * rows]
        self._mask = _array("H", data, at + KEY * rows, rows)

    def __len__(self) -> int:
        return len(self._mask)

    def get(self, name: str) -> Masks | None:
        """The masks of `name`; None when no listed name hashes as it does."""
        bucket, key = name_hash(name, self._salt)
        for row in range(self._starts[bucket], self._starts[bucket + 1]):
            if self._keys[KEY * row : KEY * (row + 1)] == key:
                return self.masks[self._mask[row]]
        return None


def _array(code: str, data: bytes, at: int, count: int) -> array[int]:
    values = array(code)
    values.frombytes(data[at : at + count * values.itemsize])
    if sys.byteorder == "big":
        values.byteswap()
    return values

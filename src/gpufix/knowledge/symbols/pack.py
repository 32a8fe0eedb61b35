"""Writes the hashed table; the reader and its layout are in table.py."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping

from .table import BUCKETS, HEADER, MAGIC, Masks, SymbolTableError, checksum, name_hash


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

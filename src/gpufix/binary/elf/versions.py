"""Symbol versions: what a file needs of which library (verneed) and what it defines (verdef)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from .constants import (
    DT_VERDEF,
    DT_VERDEFNUM,
    DT_VERNEED,
    DT_VERNEEDNUM,
    VER_FLG_BASE,
    VER_FLG_WEAK,
    VERSYM_INDEX,
)
from .image import Image

# The smallest record of each table: what bounds the number of records in a file of given size.
_RECORD = 8


class VersionNeed(NamedTuple):
    """A version that must be defined by `library`; a weak one may be absent."""

    library: str
    version: str
    weak: bool
    number: int


class VersionDefinition(NamedTuple):
    """A version that this file defines; the base one names the file itself."""

    version: str
    base: bool
    number: int


@dataclass(frozen=True, slots=True)
class Versions:
    """names: version index -> (version, library that must have it or None when defined here)."""

    needs: tuple[VersionNeed, ...]
    definitions: tuple[VersionDefinition, ...]
    names: dict[int, tuple[bytes, str | None]]


def read_versions(image: Image) -> Versions:
    """Both version tables of `image`. Raises ElfError."""
    needs = tuple(_needs(image)) if DT_VERNEED in image.tags else ()
    definitions = tuple(_definitions(image)) if DT_VERDEF in image.tags else ()
    names: dict[int, tuple[bytes, str | None]] = {}
    for need in needs:
        names[need.number] = (_raw(need.version), need.library)
    for definition in definitions:
        if not definition.base:
            names[definition.number] = (_raw(definition.version), None)
    return Versions(needs, definitions, names)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _needs(image: Image) -> Iterator[VersionNeed]:
    entry = Struct(image.layout.order + "HHIII")
    detail = Struct(image.layout.order + "IHHII")
    start, end = image.offset(image.tags[DT_VERNEED], "DT_VERNEED")
    count = image.tags.get(DT_VERNEEDNUM, 0)
    budget = (end - start) // _RECORD
    for at, (_version, size, name, first, _next) in _chain(image, entry, start, end, count, 4):
        budget -= size
        if budget < 0:
            raise image.fail("more records than the table holds", "DT_VERNEED")
        library = image.string(name, "DT_VERNEED")
        for _at, row in _chain(image, detail, at + first, end, size, 4):
            _hash, flags, index, version, _next = row
            text = image.string(version, "DT_VERNEED")
            yield VersionNeed(library, text, bool(flags & VER_FLG_WEAK), index & VERSYM_INDEX)


def _definitions(image: Image) -> Iterator[VersionDefinition]:
    entry = Struct(image.layout.order + "HHHHIII")
    detail = Struct(image.layout.order + "II")
    start, end = image.offset(image.tags[DT_VERDEF], "DT_VERDEF")
    count = image.tags.get(DT_VERDEFNUM, 0)
    for at, row in _chain(image, entry, start, end, count, 6):
        _version, flags, index, _size, _hash, first, _next = row
        for _at, (name, _more) in _chain(image, detail, at + first, end, 1, 1):
            text = image.string(name, "DT_VERDEF")
            yield VersionDefinition(text, bool(flags & VER_FLG_BASE), index & VERSYM_INDEX)


def _chain(
    image: Image, form: Struct, at: int, end: int, count: int, link: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Up to `count` records, each naming in field `link` how far the next one is; 0 ends."""
    if count > (end - at) // form.size + 1:
        raise image.fail(f"{count} records do not fit", "version table")
    for _ in range(count):
        if at + form.size > end:
            raise image.fail("record runs out of the segment", "version table")
        row: tuple[int, ...] = form.unpack_from(image.data, at)
        yield at, row
        if row[link] == 0:
            return
        if row[link] < _RECORD:
            raise image.fail("records overlap", "version table")
        at += row[link]

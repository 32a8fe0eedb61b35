"""Symbol versions, needed and defined, and when a definition satisfies a reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from gpufix.binary.elf.image import Image
from gpufix.binary.elf.layout import (
    DT_VERDEF,
    DT_VERDEFNUM,
    DT_VERNEED,
    DT_VERNEEDNUM,
    SHN_ABS,
    SHN_UNDEF,
    STB_GLOBAL,
    STB_GNU_UNIQUE,
    STB_LOCAL,
    STB_WEAK,
    STT_COMMON,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_NOTYPE,
    STT_OBJECT,
    STT_TLS,
    VER_FLG_BASE,
    VER_FLG_WEAK,
    VERSYM_HIDDEN,
    VERSYM_INDEX,
)
from gpufix.binary.elf.symbols import Row

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


_BINDINGS = {STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE}
_TYPES = {STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_COMMON, STT_TLS, STT_GNU_IFUNC}
# st_info of every symbol that other files can see; st_other: default or protected visibility.
VISIBLE_INFO = frozenset(binding << 4 | kind for binding in _BINDINGS for kind in _TYPES)
VISIBLE_OTHER = frozenset(other for other in range(256) if other & 3 in (0, 3))
# The low half of what SymbolTable.columns gives, for symbols that other files can see.
VISIBLE_WORDS = frozenset(info | other << 8 for info in VISIBLE_INFO for other in VISIBLE_OTHER)
# As SymbolTable.columns gives them: strong references that the loader looks up.
STRONG_REFERENCES = frozenset(
    binding << 4 | kind | other << 8
    for binding in (STB_GLOBAL, STB_GNU_UNIQUE)
    for kind in range(16)
    for other in VISIBLE_OTHER
)
# A reference without version accepts the file's first version, hidden or not.
FIRST_VERSIONS = 2


def is_definition(row: Row) -> bool:
    """The row defines a symbol that other files can use."""
    _name, info, other, section, value, _size = row
    if section == SHN_UNDEF or info not in VISIBLE_INFO or other not in VISIBLE_OTHER:
        return False
    return value != 0 or defined_at_zero(info | section << 16)


def is_looked_up(row: Row) -> bool:
    """Other files may define what a reference to the row means."""
    return row[1] >> 4 != STB_LOCAL and row[2] in VISIBLE_OTHER


def defined_at_zero(word: int) -> bool:
    """Address 0 defines nothing, unless the symbol is absolute or an offset into TLS."""
    return word >> 16 == SHN_ABS or word & 15 == STT_TLS


def pick(
    indices: Iterable[int],
    version: bytes | None,
    versym: Sequence[int] | None,
    names: dict[int, bytes],
) -> int | None:
    """The definition, of those of one name, that the loader would take; None when it takes none.

    version: the reference's; versym: the file's version indices, None when it has no versions;
    names: version index -> name, without the base version.
    """
    newer: list[int] = []
    for index in indices:
        if versym is None or index >= len(versym):
            return index
        mark = versym[index]
        number = mark & VERSYM_INDEX
        if version is not None:
            if names.get(number) == version or (number not in names and mark < VERSYM_HIDDEN):
                return index
        elif number <= FIRST_VERSIONS:
            return index
        elif mark < VERSYM_HIDDEN:
            newer.append(index)
    # Without a version, one newer default definition will do; two are ambiguous.
    return newer[0] if len(newer) == 1 else None

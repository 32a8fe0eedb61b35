"""When a definition satisfies a reference: glibc's rules (elf/dl-lookup.c, check_match)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .constants import (
    SHN_ABS,
    SHN_UNDEF,
    STB_GLOBAL,
    STB_GNU_UNIQUE,
    STB_WEAK,
    STT_COMMON,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_NOTYPE,
    STT_OBJECT,
    STT_TLS,
    VERSYM_HIDDEN,
    VERSYM_INDEX,
)
from .symbols import Row

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

"""A file's references and definitions as sets of keys, for resolving thousands at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import compress
from typing import NamedTuple

from gpufix.binary.elf.file import ElfFile
from gpufix.binary.elf.hashtable import MAX_CHAIN, GnuHash, gnu_hash
from gpufix.binary.elf.layout import VERSYM_HIDDEN, VERSYM_INDEX
from gpufix.binary.elf.symbols import SymbolTable, UndefinedSymbol
from gpufix.binary.elf.versions import (
    FIRST_VERSIONS,
    STRONG_REFERENCES,
    VISIBLE_WORDS,
    defined_at_zero,
)

Key = bytes
"""A symbol's name; with a version, the name, a NUL and the version."""


class Keys(NamedTuple):
    """References without and with a version."""

    plain: frozenset[Key]
    versioned: frozenset[Key]

    def __sub__(self, other: Keys) -> Keys:
        return Keys(self.plain - other.plain, self.versioned - other.versioned)

    def __and__(self, other: Keys) -> Keys:
        return Keys(self.plain & other.plain, self.versioned & other.versioned)

    def __or__(self, other: Keys) -> Keys:
        return Keys(self.plain | other.plain, self.versioned | other.versioned)

    def __bool__(self) -> bool:
        return bool(self.plain or self.versioned)


NOTHING = Keys(frozenset(), frozenset())


class Definitions(NamedTuple):
    """What satisfies references: exactly these keys, and these names whatever the version."""

    exact: Keys
    unversioned: frozenset[bytes]

    def matching(self, keys: Keys) -> Keys:
        """Those of `keys` that are satisfied."""
        plain = keys.plain & self.exact.plain
        versioned = keys.versioned & self.exact.versioned
        if self.unversioned and len(versioned) < len(keys.versioned):
            rest = keys.versioned - versioned
            versioned |= {key for key in rest if key.partition(b"\0")[0] in self.unversioned}
        return Keys(plain, versioned)


def symbol_key(symbol: UndefinedSymbol) -> Key:
    """The key of one reference."""
    name = symbol.name.encode("utf-8", "surrogateescape")
    if symbol.version is None:
        return name
    return name + b"\0" + symbol.version.encode("utf-8", "surrogateescape")


def reference_keys(elf: ElfFile) -> Keys:
    """What other files must define; weak references are left out."""
    table = elf.symbols
    if table is None:
        return NOTHING
    stop = table.first_export
    offsets, words = table.columns(1, stop)
    strong = STRONG_REFERENCES
    if table.versym is None:
        used = [o for o, w in zip(offsets, words, strict=True) if w in strong and o]
        return Keys(frozenset(map(table.names(used).__getitem__, used)), frozenset())
    wanted = [o and w in strong for o, w in zip(offsets, words, strict=True)]
    offsets, marks = list(compress(offsets, wanted)), compress(table.marks(stop)[1:], wanted)
    names, suffix = table.names(offsets), _suffixes(elf)
    plain, versioned = [], []
    for offset, mark in zip(offsets, marks, strict=True):
        if mark in suffix:
            versioned.append(names[offset] + suffix[mark])
        else:
            plain.append(names[offset])
    return Keys(frozenset(plain), frozenset(versioned))


def defined_keys(elf: ElfFile) -> Definitions:
    """Everything that the file defines."""
    table = elf.symbols
    if table is None or elf.hash_table is None:
        return Definitions(NOTHING, frozenset())
    first = table.first_export if table.first_export < table.count else 1
    offsets, words = table.columns(first, table.count)
    values = table.values(first, table.count)
    rows = [
        (at, o)
        for at, (o, w, v) in enumerate(zip(offsets, words, values, strict=True), first)
        if w & 0xFFFF in VISIBLE_WORDS and w > 0xFFFF and (v or defined_at_zero(w))
    ]
    names = table.names([o for _, o in rows])
    if table.versym is None:
        plain = frozenset([names[o] for _, o in rows])
        return Definitions(Keys(plain, frozenset()), plain)
    return _versioned(elf, [(names[o], at) for at, o in rows], table.marks(table.count))


def _versioned(elf: ElfFile, symbols: list[tuple[bytes, int]], marks: list[int]) -> Definitions:
    """As matching.pick decides, for all symbols at once."""
    suffix = _suffixes(elf)
    keys = [name + suffix[marks[at]] for name, at in symbols if marks[at] in suffix]
    unversioned = frozenset(
        [n for n, at in symbols if marks[at] < VERSYM_HIDDEN and marks[at] not in suffix]
    )
    first = [n for n, at in symbols if marks[at] & VERSYM_INDEX <= FIRST_VERSIONS]
    newer = Counter([n for n, at in symbols if FIRST_VERSIONS < marks[at] < VERSYM_HIDDEN])
    plain = frozenset(first).union([name for name, count in newer.items() if count == 1])
    return Definitions(Keys(plain, frozenset(keys)), unversioned)


def find_keys(elf: ElfFile, keys: Keys) -> Keys:
    """Those of `keys` that the file defines, by its hash table."""
    table, symbols = elf.hash_table, elf.symbols
    if table is None or symbols is None:
        return NOTHING
    if isinstance(table, GnuHash) and elf.image.layout.in_place:
        plain = _find_many(elf, table, symbols, keys.plain)
        versioned = _find_many(elf, table, symbols, keys.versioned)
        return Keys(frozenset(plain), frozenset(versioned))
    plain = [name for name in keys.plain if elf.find(name) is not None]
    pairs = ((key, key.partition(b"\0")) for key in keys.versioned)
    versioned = [key for key, (name, _, v) in pairs if elf.find(name, v) is not None]
    return Keys(frozenset(plain), frozenset(versioned))


def _find_many(
    elf: ElfFile, table: GnuHash, symbols: SymbolTable, keys: Collection[Key]
) -> list[bytes]:
    """As elf.find for each key, all in one loop.

    This is what resolving a library against libtorch_cpu.so consists of: thousands of names in
    one table, so the steps of GnuHash.candidates and is_definition are written out here.
    """
    if not keys:
        return []
    data, start, end = elf.image.data, elf.image.strings, elf.image.strings_end
    last = symbols.start + symbols.capacity * symbols.form.size
    words = memoryview(data)[symbols.start : last].cast("I")
    bloom, buckets, chains, first = table.bloom, table.buckets, table.chains, table.first
    mask, shift, size = table.mask, table.shift, table.size
    serves = _serving(elf, symbols)
    found = []
    for key in keys:
        name, versioned, version = key.partition(b"\0")
        value = gnu_hash(name)
        word = bloom[(value >> 6) & mask]
        if not (word >> (value & 63)) & (word >> ((value >> shift) & 63)) & 1:
            continue
        at = buckets[value % size] - first
        if at < 0:
            continue
        value |= 1
        for index, chain in enumerate(chains[at : at + MAX_CHAIN], at + first):
            if chain | 1 == value:
                row = 6 * index
                text = start + words[row] if row < len(words) else end
                stop = text + len(name)
                if stop < end and data[text:stop] == name and not data[stop]:
                    word = words[row + 1]
                    defined = words[row + 2] or words[row + 3] or defined_at_zero(word)
                    visible = word > 0xFFFF and word & 0xFFFF in VISIBLE_WORDS and defined
                    if visible and serves(name, version if versioned else None, index):
                        found.append(key)
                        break
            if chain & 1:
                break
        else:
            raise elf.image.fail("a chain does not end", "DT_GNU_HASH")
    return found


def _serving(elf: ElfFile, symbols: SymbolTable) -> Callable[[bytes, bytes | None, int], bool]:
    """As matching.pick for one definition: does it serve a reference to (name, version)?"""
    names, versym = elf.version_names, symbols.versym
    # Without versions of its own, whatever the file defines satisfies a plain reference.
    plain = all(definition.base for definition in elf.version_definitions)

    def serves(name: bytes, version: bytes | None, index: int) -> bool:
        if version is None:
            return plain or elf.find(name) is not None
        if versym is None or index >= len(versym):
            return True
        mark = versym[index]
        number = mark & VERSYM_INDEX
        return names.get(number) == version or (number not in names and mark < VERSYM_HIDDEN)

    return serves


def _suffixes(elf: ElfFile) -> dict[int, bytes]:
    """Version index, hidden or not -> what it adds to a key."""
    known = {number: b"\0" + name for number, name in elf.version_names.items()}
    return known | {number | VERSYM_HIDDEN: text for number, text in known.items()}

"""The dynamic symbol table, walked in bulk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from gpufix.binary.elf.hashtable import MAX_SYMBOLS, GnuHash, SysvHash, words
from gpufix.binary.elf.image import MAX_STRING, Image
from gpufix.binary.elf.layout import DT_HASH, DT_SYMTAB, DT_VERSYM
from gpufix.binary.elf.tables import referenced_symbols

Row = tuple[int, int, int, int, int, int]
"""st_name, st_info, st_other, st_shndx, st_value, st_size"""


class UndefinedSymbol(NamedTuple):
    """A symbol that another library must define.

    library: the file that has to define `version`; None for a reference without version.
    kind: func, object, tls or notype. position: its place in the dynamic symbol table.
    """

    name: str
    version: str | None
    library: str | None
    weak: bool
    kind: str
    position: int


class ExportedSymbol(NamedTuple):
    """A symbol that this file defines; default: found by references without version as well."""

    name: str
    version: str | None
    default: bool
    weak: bool
    unique: bool
    kind: str
    position: int


class SymbolTable:
    """Rows and names of the dynamic symbols."""

    def __init__(self, image: Image, table: GnuHash | SysvHash | None) -> None:
        self.image = image
        self.table = table
        self.form = image.layout.symbol
        self.start, self.end = image.offset(image.tags[DT_SYMTAB], "DT_SYMTAB")
        self.capacity = (self.end - self.start) // self.form.size

    @cached_property
    def count(self) -> int:
        """Number of symbols, the null one included."""
        return self._bounded(_count(self.image, self.table))

    @cached_property
    def first_export(self) -> int:
        """Linkers put what a GNU hash table covers last, so what is undefined ends here."""
        if isinstance(self.table, GnuHash) and any(self.table.buckets):
            return self._bounded(self.table.first)
        return self.count

    def _bounded(self, count: int) -> int:
        """Of `count` symbols, those that the file has. Raises ElfError for more than any file has."""
        count = min(count, self.capacity)
        if count > MAX_SYMBOLS:
            raise self.image.fail(f"{count} symbols", "DT_SYMTAB")
        return count

    @cached_property
    def versym(self) -> Sequence[int] | None:
        """The version index of each symbol; None when the file has no versions."""
        image = self.image
        if DT_VERSYM not in image.tags:
            return None
        start, end = image.offset(image.tags[DT_VERSYM], "DT_VERSYM")
        return words(image, start, min(self.capacity, (end - start) // 2, MAX_SYMBOLS), end, 16)

    def rows(self, first: int, stop: int) -> Iterator[Row]:
        """The rows first … stop - 1, their fields in the order of the 64-bit layout."""
        at, end = self.start + first * self.form.size, self.start + stop * self.form.size
        packed = self.form.iter_unpack(self.image.data[at:end])
        if self.image.layout.bits == 64:
            return packed
        return ((n, info, other, shndx, v, s) for n, v, s, info, other, shndx in packed)

    def row(self, index: int) -> Row:
        """One row. Raises ElfError when the table does not have it."""
        if index >= self.capacity:
            raise self.image.fail(f"no symbol {index} of {self.capacity}", "DT_SYMTAB")
        at = self.start + index * self.form.size
        fields = self.form.unpack_from(self.image.data, at)
        if self.image.layout.bits == 64:
            return fields
        name, value, size, info, other, section = fields
        return name, info, other, section, value, size

    def columns(self, first: int, stop: int) -> tuple[list[int], list[int]]:
        """Of the rows first … stop - 1: st_name, and st_info | st_other << 8 | st_shndx << 16."""
        form = self.image.layout
        if not form.native or form.order != "<" or stop <= first:
            rows = list(self.rows(first, stop))
            return [r[0] for r in rows], [r[1] | r[2] << 8 | r[3] << 16 for r in rows]
        size = self.form.size
        at, end = self.start + first * size, self.start + stop * size
        table = memoryview(self.image.data)[at:end].cast("I")
        step, mark = (6, 1) if form.bits == 64 else (4, 3)
        return table[::step].tolist(), table[mark::step].tolist()

    def values(self, first: int, stop: int) -> list[int]:
        """st_value of the rows first … stop - 1."""
        form = self.image.layout
        if not form.native or form.bits != 64 or stop <= first:
            return [row[4] for row in self.rows(first, stop)]
        at, end = self.start + first * self.form.size, self.start + stop * self.form.size
        return memoryview(self.image.data)[at:end].cast("Q")[1::3].tolist()

    def names(self, offsets: Collection[int]) -> dict[int, bytes]:
        """Offset into the string table -> name. Raises ElfError when they exceed the table."""
        image = self.image
        length = image.strings_end - image.strings
        data, base, stop = image.data, image.strings, image.strings_end
        if length < 1000 * len(offsets):  # a copy is searched faster than a mapping
            data, base, stop = data[base:stop], 0, length
        # Cutting the whole table costs less than finding names one by one when most are wanted.
        in_bulk = length < 60 * len(offsets) and isinstance(data, bytes)
        in_bulk = in_bulk and data[base:stop].count(b"\0") < 8 * len(offsets)
        known = _split(data[base:stop]) if in_bulk else {}
        # Names may share bytes (suffixes); beyond this the table was made to fill memory.
        budget, find = 8 * length + MAX_STRING, data.find
        for offset in set(offsets).difference(known):
            end = find(b"\0", base + offset, stop)
            if end < 0 or not 0 <= offset < length:
                raise image.fail(f"name at {offset} lies outside or does not end", "string table")
            known[offset] = data[base + offset : end]
            budget -= end - base - offset
            if budget < 0:
                raise image.fail("names overlap beyond reason", "string table")
        return known

    def marks(self, stop: int) -> list[int]:
        """The version indices of the rows 0 … stop - 1; 0 where there is none."""
        marks = self.versym
        known = [] if marks is None else list(marks[:stop])
        return known + [0] * (stop - len(known))


def _count(image: Image, table: GnuHash | SysvHash | None) -> int:
    """Nothing states the number of dynamic symbols but DT_HASH; all else is inference."""
    if isinstance(table, SysvHash):
        return table.symbol_count()
    if DT_HASH in image.tags:
        start, end = image.offset(image.tags[DT_HASH], "DT_HASH")
        return words(image, start, 2, end)[1]
    hashed = table.symbol_count() if table else 0
    # Nothing is exported: what matters is what relocations refer to.
    return hashed or max(referenced_symbols(image), default=0) + 1


def _split(table: bytes) -> dict[int, bytes]:
    """All strings of a string table by their offsets."""
    names = table.split(b"\0")
    starts = accumulate(map((1).__add__, map(len, names)), initial=0)
    return dict(zip(starts, names, strict=False))

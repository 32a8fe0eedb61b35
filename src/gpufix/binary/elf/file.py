"""One ELF file: what it needs, what it gives, what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from gpufix.binary.elf import layout as c
from gpufix.binary.elf.hashtable import GnuHash, SysvHash, read_hash_table
from gpufix.binary.elf.headers import MappedFile
from gpufix.binary.elf.image import Image
from gpufix.binary.elf.layout import ElfError
from gpufix.binary.elf.symbols import ExportedSymbol, SymbolTable, UndefinedSymbol
from gpufix.binary.elf.tables import (
    Section,
    build_id,
    read_sections,
    referenced_symbols,
    static_tls_symbols,
)
from gpufix.binary.elf.versions import (
    VersionDefinition,
    VersionNeed,
    Versions,
    is_definition,
    is_looked_up,
    pick,
    read_versions,
)


class ElfFile:
    """Reads headers and the dynamic section when opened, everything else when asked for.

    Any method may raise ElfError. Works without section headers, as the loader does.
    """

    def __init__(self, path: str, data: bytes | None = None) -> None:
        """path: the file, or what to call `data` when its bytes are given."""
        self.source = MappedFile(path, data)
        self.image = Image(self.source)
        self.path = path

    @property
    def bits(self) -> int:
        return self.image.layout.bits

    @property
    def machine(self) -> str:
        """The processor: x86_64, aarch64, … or the number of an unusual one."""
        number = self.image.header.machine
        return c.MACHINES.get(number, str(number))

    @property
    def type(self) -> int:
        """e_type: 2 an executable, 3 a shared object (or position-independent executable)."""
        return self.image.header.type

    @property
    def dynamic(self) -> bool:
        return self.image.dynamic is not None

    @cached_property
    def needed(self) -> tuple[str, ...]:
        table = self.image.dynamic
        return tuple(self._strings(table.needed, "DT_NEEDED")) if table else ()

    @cached_property
    def auxiliaries(self) -> tuple[str, ...]:
        """Libraries whose symbols go before this one's, when they are there."""
        table = self.image.dynamic
        return tuple(self._strings(table.auxiliaries, "DT_AUXILIARY")) if table else ()

    @cached_property
    def filters(self) -> tuple[str, ...]:
        """Libraries whose symbols go before this one's, and that must be there."""
        table = self.image.dynamic
        return tuple(self._strings(table.filters, "DT_FILTER")) if table else ()

    @cached_property
    def soname(self) -> str | None:
        return self._text(c.DT_SONAME, "DT_SONAME")

    @cached_property
    def rpath(self) -> str | None:
        """DT_RPATH as written, also when DT_RUNPATH makes the loader ignore it."""
        return self._text(c.DT_RPATH, "DT_RPATH")

    @cached_property
    def runpath(self) -> str | None:
        return self._text(c.DT_RUNPATH, "DT_RUNPATH")

    @property
    def interpreter(self) -> str | None:
        return self.image.interpreter

    @property
    def flags(self) -> int:
        """DT_FLAGS."""
        return self.image.tags.get(c.DT_FLAGS, 0)

    @property
    def flags_1(self) -> int:
        """DT_FLAGS_1: DF_1_NOW, DF_1_NODELETE, DF_1_NODEFLIB, …"""
        return self.image.tags.get(c.DT_FLAGS_1, 0)

    @property
    def bind_now(self) -> bool:
        now = self.flags & c.DF_BIND_NOW or self.flags_1 & c.DF_1_NOW
        return bool(now) or c.DT_BIND_NOW in self.image.tags

    @cached_property
    def versions(self) -> Versions:
        return read_versions(self.image)

    @property
    def version_needs(self) -> tuple[VersionNeed, ...]:
        return self.versions.needs

    @property
    def version_definitions(self) -> tuple[VersionDefinition, ...]:
        return self.versions.definitions

    def undefined(self) -> list[UndefinedSymbol]:
        """Symbols that other libraries must define, in table order."""
        table = self.symbols
        if table is None:
            return []
        stop = table.first_export
        offsets, words = table.columns(1, stop)
        names, marks = table.names(offsets), table.marks(stop)
        return [
            self._undefined(names[offset], word, marks[at] & c.VERSYM_INDEX, at)
            for at, (offset, word) in enumerate(zip(offsets, words, strict=True), 1)
            if word >> 16 == c.SHN_UNDEF and offset and word >> 4 & 15 != c.STB_LOCAL
        ]

    def exports(self) -> Iterator[ExportedSymbol]:
        """Symbols that other files can use, in table order."""
        table = self.symbols
        if table is None:
            return
        first = table.first_export if table.first_export < table.count else 1
        rows = [
            (at, row)
            for at, row in enumerate(table.rows(first, table.count), first)
            if is_definition(row)
        ]
        names = table.names([row[0] for _, row in rows])
        for at, row in rows:
            yield self._export(_text(names[row[0]]), at, row[1])

    def lookup(self, name: str, version: str | None = None) -> ExportedSymbol | None:
        """The definition that the loader would bind a reference to `name` to; None if none."""
        found = self.find(
            name.encode("utf-8", "surrogateescape"), _raw(version) if version else None
        )
        if found is None or self.symbols is None:
            return None
        return self._export(name, found, self.symbols.row(found)[1])

    def find(self, name: bytes, version: bytes | None = None) -> int | None:
        """As lookup, for bytes: the definition's index in the symbol table."""
        table = self.symbols
        if table is None or self.hash_table is None:
            return None
        candidates = self.hash_table.candidates(name)
        if not candidates:
            return None
        image, ended = self.image, name + b"\0"
        matches = []
        for index in candidates:
            row = table.row(index)
            start = image.strings + row[0]
            same = image.data[start : start + len(ended)] == ended
            if same and start < image.strings_end and is_definition(row):
                matches.append(index)
        return pick(matches, version, table.versym, self.version_names) if matches else None

    @cached_property
    def version_names(self) -> dict[int, bytes]:
        """Version index -> version, needed and defined ones, without the base version."""
        return {number: name for number, (name, _) in self.versions.names.items()}

    @cached_property
    def hash_table(self) -> GnuHash | SysvHash | None:
        return read_hash_table(self.image)

    @cached_property
    def symbols(self) -> SymbolTable | None:
        """The dynamic symbol table; None when the file has none."""
        if c.DT_SYMTAB not in self.image.tags:
            return None
        return SymbolTable(self.image, self.hash_table)

    def referenced(self) -> set[int]:
        """Indices of the symbols that relocations use: only these are looked up at load time."""
        return referenced_symbols(self.image)

    def static_tls(self) -> set[bytes]:
        """Thread-local variables whose offset from the thread pointer is fixed on loading.

        "" stands for the file's own, that no other file can have instead.
        """
        table = self.symbols
        if table is None:
            return set()
        rows = ((index, table.row(index)) for index in static_tls_symbols(self.image))
        return {
            self.image.raw_string(row[0]) if index and is_looked_up(row) else b""
            for index, row in rows
        }

    @cached_property
    def sections(self) -> list[Section]:
        return read_sections(self.image)

    def section(self, name: str) -> memoryview | None:
        """The bytes of the first section of this name; None when absent."""
        found = next((s for s in self.sections if s.name == name), None)
        if found is None:
            return None
        if found.offset + found.size > self.image.size:
            raise ElfError(self.path, "section runs out of the file", name)
        return memoryview(self.image.data)[found.offset : found.offset + found.size]

    @property
    def build_id(self) -> str | None:
        return build_id(self.image)

    @property
    def compilers(self) -> tuple[str, ...]:
        """The compilers that left their names in .comment, in file order, at most 64."""
        body = self.section(".comment")
        if body is None:
            return ()
        texts = bytes(body[: 64 * 1024]).split(b"\0")
        return tuple(dict.fromkeys(_text(text) for text in texts if text))[:64]

    def release(self) -> None:
        """Give back the mapping and the tables that point into it; a later access maps it again."""
        self.source.release()
        for name in ("hash_table", "symbols"):
            self.__dict__.pop(name, None)

    def _strings(self, offsets: tuple[int, ...], where: str) -> Iterator[str]:
        return (self.image.string(at, where) for at in offsets)

    def _text(self, tag: int, where: str) -> str | None:
        at = self.image.tags.get(tag)
        return None if at is None else self.image.string(at, where)

    def _undefined(self, name: bytes, word: int, number: int, position: int) -> UndefinedSymbol:
        version, library = self.versions.names.get(number, (None, None))
        return UndefinedSymbol(
            _text(name),
            None if version is None else _text(version),
            library,
            word >> 4 & 15 == c.STB_WEAK,
            c.SYMBOL_TYPES.get(word & 15, "notype"),
            position,
        )

    def _export(self, name: str, index: int, info: int) -> ExportedSymbol:
        table = self.symbols
        marks = table.versym if table else None
        mark = marks[index] if marks and index < len(marks) else 0
        version = self.version_names.get(mark & c.VERSYM_INDEX)
        return ExportedSymbol(
            name,
            None if version is None else _text(version),
            mark < c.VERSYM_HIDDEN,
            info >> 4 == c.STB_WEAK,
            info >> 4 == c.STB_GNU_UNIQUE,
            c.SYMBOL_TYPES.get(info & 15, "notype"),
            index,
        )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

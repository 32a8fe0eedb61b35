"""What symbol resolution needs of one file: its strong references and what it provides, as sets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from gpufix.binary.elf import ElfFile, UndefinedSymbol
from gpufix.binary.elf.constants import STB_WEAK, VERSYM_INDEX

Key = bytes
"""A symbol's name; with a version, the name, a NUL and the version."""


class Library:
    """An ELF file with memoised answers in bulk."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        self.path = elf.path
        self._known: dict[Key, bool] = {}
        self._all: set[Key] | None = None

    @cached_property
    def references(self) -> frozenset[Key]:
        """Symbols that must be found elsewhere; weak ones need not be, so are left out."""
        table = self.elf.symbols
        if table is None:
            return frozenset()
        rows, indices = table.undefined_rows()
        names = table.names(rows)
        versym = table.versym
        if versym is None:
            return frozenset(
                n for n, row in zip(names, rows, strict=True) if row[1] >> 4 != STB_WEAK
            )
        marks = versym[: max(indices, default=0) + 1]
        suffix = {n: b"\0" + v for n, v in self.elf.version_names.items()}
        return frozenset(
            name + suffix.get(marks[at] & VERSYM_INDEX, b"") if at < len(marks) else name
            for name, row, at in zip(names, rows, indices, strict=True)
            if row[1] >> 4 != STB_WEAK
        )

    @cached_property
    def version_needs(self) -> dict[str, dict[str, bool]]:
        """Library -> version -> weak."""
        needs: dict[str, dict[str, bool]] = {}
        for need in self.elf.version_needs:
            needs.setdefault(need.library, {})[need.version] = need.weak
        return needs

    @cached_property
    def defined_versions(self) -> frozenset[str] | None:
        """Versions that the file defines; None when it has no such table."""
        found = self.elf.version_definitions
        return frozenset(d.version for d in found) if found else None

    def provided(self, wanted: Iterable[Key]) -> set[Key]:
        """Those of `wanted` that this file defines."""
        known = self._known
        fresh = [key for key in wanted if key not in known]
        for key in fresh:
            name, _, version = key.partition(b"\0")
            known[key] = self.elf.find(name, version or None) is not None
        return {key for key in wanted if known[key]}

    def describe(self, keys: Iterable[Key]) -> list[UndefinedSymbol]:
        """The references behind `keys` that a relocation really uses, in table order."""
        wanted, used = set(keys), self.elf.referenced()
        return [
            symbol
            for symbol in self.elf.undefined()
            if symbol.position in used and _key(symbol) in wanted
        ]


def _key(symbol: UndefinedSymbol) -> Key:
    name = symbol.name.encode("utf-8", "surrogateescape")
    if symbol.version is None:
        return name
    return name + b"\0" + symbol.version.encode("utf-8", "surrogateescape")

"""What symbol resolution needs of one file: its strong references and what it provides, as sets."""

from __future__ import annotations

from functools import cached_property

from gpufix.binary.elf import ElfFile, UndefinedSymbol
from gpufix.binary.elf.bulk import (
    Definitions,
    Key,
    Keys,
    defined_keys,
    find_keys,
    reference_keys,
    symbol_key,
)
from gpufix.binary.elf.hashtable import GnuHash


class Memo:
    """Keys known to be defined, and keys known not to be."""

    def __init__(self, earlier: Memo | None = None) -> None:
        """earlier: what was found by then is found still; what was not may be by now."""
        self._plain: set[Key] = set(earlier._plain) if earlier else set()
        self._versioned: set[Key] = set(earlier._versioned) if earlier else set()
        self._no_plain: set[Key] = set()
        self._no_versioned: set[Key] = set()

    def open(self, keys: Keys) -> Keys:
        """Those not known to be defined: one pass over what may be thousands."""
        return Keys(keys.plain - self._plain, keys.versioned - self._versioned)

    def unknown(self, keys: Keys) -> Keys:
        """Of keys not known to be defined, those never asked for."""
        return Keys(keys.plain - self._no_plain, keys.versioned - self._no_versioned)

    def known(self, keys: Keys) -> Keys:
        """Those known to be defined."""
        return Keys(keys.plain & self._plain, keys.versioned & self._versioned)

    def learn(self, found: Keys, absent: Keys) -> None:
        """`found` are defined, `absent` are not."""
        self._plain |= found.plain
        self._versioned |= found.versioned
        self._no_plain |= absent.plain
        self._no_versioned |= absent.versioned


class LinkedLibrary:
    """An ELF file with memoised answers in bulk."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf = elf
        self.path = elf.path
        self._memo = Memo()
        self._defined: Definitions | None = None

    @cached_property
    def references(self) -> Keys:
        """Symbols that must be found elsewhere; weak ones need not be, so are left out."""
        return reference_keys(self.elf)

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

    @cached_property
    def extension(self) -> bool:
        """It defines the function that Python calls to make a module of this file's name."""
        stem = self.path.rpartition("/")[2].partition(".")[0]
        return self.elf.find(b"PyInit_" + stem.encode("utf-8", "surrogateescape")) is not None

    @cached_property
    def own_versions(self) -> list[bytes]:
        """Versions that the file defines, without its base version."""
        elf = self.elf
        return [elf.version_names[d.number] for d in elf.version_definitions if not d.base]

    def provided(self, wanted: Keys) -> Keys:
        """Those of `wanted` that this file defines."""
        if self._defined is None:
            memo = self._memo
            fresh = memo.unknown(memo.open(wanted))
            # One by one while that is cheaper than reading every definition.
            if 2 * (len(fresh.plain) + len(fresh.versioned)) < self.size:
                if fresh:
                    found = find_keys(self.elf, fresh)
                    memo.learn(found, fresh - found)
                return memo.known(wanted)
            self._defined = defined_keys(self.elf)
        return self._defined.matching(wanted)

    def describe(self, keys: Keys) -> list[UndefinedSymbol]:
        """The references behind `keys` that a relocation really uses, in table order."""
        wanted, used = keys.plain | keys.versioned, self.elf.referenced()
        return [
            symbol
            for symbol in self.elf.undefined()
            if symbol.position in used and symbol_key(symbol) in wanted
        ]

    @cached_property
    def size(self) -> int:
        """About how many symbols the file defines: linkers make a bucket for every two or so."""
        table = self.elf.hash_table
        if table is None:
            return 0
        return 2 * len(table.buckets) if isinstance(table, GnuHash) else len(table.chains)

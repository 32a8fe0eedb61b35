"""Which torch releases export a name: x86-64 Linux, the releases' own PyPI wheels, CPython 3.11."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Literal

from gpufix.binary.demangle.mangled import is_torch_name
from gpufix.files import own
from gpufix.frozen import Frozen
from gpufix.knowledge.symbols.symbol_names import SymbolNames
from gpufix.knowledge.symbols.symbol_table import HistoryTable, Masks

DATA = Path(__file__).parent.parent / "data"
TABLE = "torch_symbols.bin"
NAMES = "torch_symbols.names.xz"

Home = Literal["core", "python", "cuda"]


class NameHistory(Frozen):
    """The releases that export one name, in release order, and the library that does.

    `home` cuda: only libtorch_cuda or libc10_cuda has it, so no CPU build of these releases does.
    """

    name: str
    releases: tuple[str, ...]
    home: Home

    @property
    def first(self) -> str:
        return self.releases[0]

    @property
    def last(self) -> str:
        return self.releases[-1]


class SymbolHistory:
    """The shipped table, and the names behind it once something must be explained."""

    def __init__(self, table: HistoryTable, names: Callable[[], SymbolNames]) -> None:
        """names: opens the names file; called at most once, when first needed."""
        self.table = table
        self.releases = table.releases
        self._open_names = names

    @classmethod
    def load(cls, folder: Path = DATA) -> SymbolHistory:
        """Reads the table in `folder`. Raises SymbolTableError, OSError."""
        table = HistoryTable(own(folder / TABLE))
        return cls(table, lambda: SymbolNames.read(folder / NAMES))

    @cached_property
    def names(self) -> SymbolNames:
        """Every name in clear; the first use takes some tenths of a second."""
        return self._open_names()

    def masks(self, name: str) -> Masks | None:
        """The masks of a torch name; None when no release exports it.

        A name that the hashed table lacks is looked up in the names file before it is called
        unseen: the table leaves out what extensions hardly ever ask for.
        """
        found = self.table.get(name)
        if found is None and is_torch_name(name):
            found = self.names.get(name)
        return found

    def known(self, name: str) -> bool:
        return self.masks(name) is not None

    def releases_with(self, name: str) -> frozenset[str] | None:
        """The releases in which some library of torch exports `name`; None: in no release."""
        masks = self.masks(name)
        return None if masks is None else frozenset(self.versions(masks.any))

    def history(self, name: str) -> NameHistory | None:
        """First, last and all releases of one name; None: in no release."""
        masks = self.masks(name)
        if masks is None:
            return None
        home: Home = "core" if masks.core else "python" if masks.python else "cuda"
        return NameHistory(name, self.versions(masks.any), home)

    def versions(self, mask: int) -> tuple[str, ...]:
        return tuple(version for i, version in enumerate(self.releases) if mask >> i & 1)

    def mask(self, versions: Iterable[str]) -> int:
        return sum(1 << self.releases.index(version) for version in set(versions))

"""Which symbols the loader must look up: those that a relocation names."""

from __future__ import annotations

from collections.abc import Iterator

from .constants import (
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_REL,
    DT_RELA,
    DT_RELASZ,
    DT_RELSZ,
)
from .image import Image


def referenced_symbols(image: Image) -> set[int]:
    """Indices into the dynamic symbol table that some relocation uses. Raises ElfError."""
    tags = image.tags
    found: set[int] = set()
    for table, length, rela in (
        (DT_RELA, DT_RELASZ, True),
        (DT_REL, DT_RELSZ, False),
        (DT_JMPREL, DT_PLTRELSZ, tags.get(DT_PLTREL) == DT_RELA),
    ):
        if tags.get(table) and tags.get(length):
            found.update(_table(image, tags[table], tags[length], rela))
    found.discard(0)
    return found


def _table(image: Image, address: int, length: int, rela: bool) -> Iterator[int]:
    form = image.layout.rela if rela else image.layout.rel
    start, end = image.offset(address, "relocations")
    end = min(end, start + length)
    end -= (end - start) % form.size
    shift = image.layout.symbol_shift
    return (row[1] >> shift for row in form.iter_unpack(image.data[start:end]))

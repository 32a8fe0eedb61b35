"""Sections of a host ELF file by name, also inside an archive: nothing else of the file is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .code_model import CodeError
from .code_source import Bytes
from .elf.constants import SHT_NOBITS
from .elf.layout import Layout, layout

ELF_MAGIC = b"\x7fELF"
MAX_SECTIONS = 500_000
MAX_NAME = 256
MAX_NAMES = 64 << 20
XINDEX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Header:
    """What is wanted of the ELF header; `start`: where the file begins in the data."""

    form: Layout
    machine: int
    start: int
    table: int
    entry_size: int
    count: int
    names: int


@dataclass(frozen=True, slots=True)
class Section:
    """A section with content; `start` and `end` are positions in the data."""

    name: str
    start: int
    end: int


def read_header(data: Bytes, start: int, end: int) -> Header:
    """The ELF header at start. Raises CodeError when it is cut off or of an unknown class."""
    ident = data[start : start + 16]
    bits = {1: 32, 2: 64}.get(ident[4] if len(ident) == 16 else 0)
    if bits is None or ident[5] not in (1, 2):
        raise CodeError("ELF of unknown class or byte order")
    form = layout(bits, ident[5] == 1)
    head = data[start : min(start + form.header.size, end)]
    if len(head) < form.header.size:
        raise CodeError("ELF header is cut off")
    fields = form.header.unpack(head)
    machine, table, (size, count, names) = fields[1], fields[5], fields[-3:]
    return Header(form, machine, start, table, size, count, names)


def sections(data: Bytes, header: Header, end: int, wanted: tuple[str, ...]) -> list[Section]:
    """Sections whose name starts with one of `wanted`, by position. Raises CodeError.

    Empty when the file has no section headers. Sections that overlap are refused: a few bytes
    could otherwise be made to look like any amount of code.
    """
    found = sorted(_named(data, header, end, wanted), key=lambda s: (s.start, s.end))
    for before, after in pairwise(found):
        if after.start < before.end:
            raise CodeError(f"sections {before.name!r} and {after.name!r} overlap")
    return found


def _named(data: Bytes, header: Header, end: int, wanted: tuple[str, ...]) -> Iterator[Section]:
    form, table = header.form.section, _table(data, header, end)
    if not table:
        return
    # Numbers that do not fit the header stand in the first, empty section.
    index = form.unpack_from(table)[6] if header.names == XINDEX else header.names
    if (index + 1) * form.size > len(table):
        raise CodeError("ELF has no section names")
    start, stop = _extent(form.unpack_from(table, index * form.size), header, end)
    names = data[start : min(stop, start + MAX_NAMES)]
    prefixes = tuple(name.encode() for name in wanted)
    for row in form.iter_unpack(table):
        if row[1] == SHT_NOBITS or not row[5] or not names.startswith(prefixes, row[0]):
            continue
        name = names[row[0] : row[0] + MAX_NAME].split(b"\0", 1)[0]
        yield Section(name.decode("latin-1"), *_extent(row, header, end))


def _table(data: Bytes, header: Header, end: int) -> bytes:
    """The section headers, as they lie in the file."""
    if not header.table:
        return b""
    form, first = header.form.section, header.start + header.table
    count = header.count
    if not count:
        head = data[first : min(first + form.size, end)]
        count = form.unpack(head)[5] if len(head) == form.size else 1
    if header.entry_size != form.size or count > MAX_SECTIONS:
        raise CodeError("section headers are implausible")
    if first + count * form.size > end:
        raise CodeError("section headers lie outside the file")
    return data[first : first + count * form.size]


def _extent(row: tuple[int, ...], header: Header, end: int) -> tuple[int, int]:
    start = header.start + row[4]
    if start + row[5] > end:
        raise CodeError("a section lies outside the file")
    return start, start + row[5]

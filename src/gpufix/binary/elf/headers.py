"""The ELF header and the program headers: all that opening a file reads, but for the dynamic section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .constants import PT_LOAD
from .errors import ElfError
from .layout import Layout, layout
from .source import Buffer

MAGIC = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Header:
    """Fields of the ELF header, as in the specification."""

    layout: Layout
    type: int
    machine: int
    version: int
    phoff: int
    shoff: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


class Segment(NamedTuple):
    """One program header; addresses and sizes in bytes."""

    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int


def read_header(path: str, data: Buffer, size: int) -> Header:
    """The ELF header of `data`, whose size is `size` bytes. Raises ElfError."""
    ident = bytes(data[:16])
    if len(ident) < 16 or not ident.startswith(MAGIC):
        raise ElfError(path, "not an ELF file" if ident else "empty file", "header")
    bits, order = {1: 32, 2: 64}.get(ident[4]), ident[5]
    if bits is None or order not in (1, 2):
        raise ElfError(path, f"unknown class {ident[4]} or byte order {order}", "header")
    form = layout(bits, order == 1)
    if size < form.header.size:
        raise ElfError(path, f"{size} bytes, the header alone takes {form.header.size}", "header")
    kind, machine, version, _entry, phoff, shoff, _flags, _ehsize, *counts = (
        form.header.unpack_from(data)
    )
    return Header(form, kind, machine, version, phoff, shoff, *counts)


def read_segments(path: str, data: Buffer, size: int, header: Header) -> list[Segment]:
    """The program headers. Raises ElfError when the table does not lie inside the file."""
    form = header.layout.segment
    if header.phnum == 0:
        return []
    if header.phentsize != form.size:
        raise ElfError(path, f"entries of {header.phentsize} bytes", "program headers")
    end = header.phoff + header.phnum * form.size
    if end > size:
        raise ElfError(path, f"end at {end}, the file at {size}", "program headers")
    rows = form.iter_unpack(data[header.phoff : end])
    if header.layout.bits == 64:
        return [Segment(t, f, o, a, n, m) for t, f, o, a, _p, n, m, _align in rows]
    return [Segment(t, f, o, a, n, m) for t, o, a, _p, n, m, f, _align in rows]


def loadable(segments: list[Segment]) -> list[Segment]:
    """The segments that the loader maps and that have bytes in the file."""
    return [s for s in segments if s.type == PT_LOAD and s.file_size]

"""Build id, compilers, sections by name, and the symbols that relocations name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from gpufix.binary.elf.image import Image
from gpufix.binary.elf.layout import (
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_REL,
    DT_RELA,
    DT_RELASZ,
    DT_RELSZ,
    EM_AARCH64,
    EM_X86_64,
    PT_NOTE,
    SHF_COMPRESSED,
    SHT_NOBITS,
)

NT_GNU_BUILD_ID = 3
# R_X86_64_TPOFF64, R_AARCH64_TLS_TPREL: a variable's offset from the thread pointer.
_TPOFF = {EM_X86_64: 18, EM_AARCH64: 1030}
MAX_SECTIONS = 500_000
MAX_RELOCATIONS = 128 << 20  # bytes; libtorch_cpu.so has 12 MiB


@dataclass(frozen=True, slots=True)
class Section:
    """A section header; offset and size in bytes of the file (a section without bytes has none)."""

    name: str
    type: int
    flags: int
    offset: int
    size: int

    @property
    def compressed(self) -> bool:
        return bool(self.flags & SHF_COMPRESSED)


def read_sections(image: Image) -> list[Section]:
    """All section headers; empty when the file was stripped of them. Raises ElfError."""
    header, form = image.header, image.layout.section
    if header.shoff == 0 or header.shoff >= image.size or header.shentsize != form.size:
        return []
    # The first entry holds the counts that do not fit into the header.
    first = form.unpack_from(image.data, header.shoff) if _fits(image, 1) else (0,) * 10
    count, names = header.shnum or first[5], header.shstrndx
    names = first[6] if names == 0xFFFF else names
    if count > MAX_SECTIONS or not _fits(image, count):
        raise image.fail(f"{count} entries run out of the file", "section headers")
    rows = list(form.iter_unpack(image.data[header.shoff : header.shoff + count * form.size]))
    if names >= len(rows):
        return []
    start, length = rows[names][4], rows[names][5]
    end = min(start + length, image.size)
    return [_section(image, row, start, end) for row in rows]


def _fits(image: Image, count: int) -> bool:
    return image.header.shoff + count * image.layout.section.size <= image.size


def _section(image: Image, row: tuple[int, ...], start: int, end: int) -> Section:
    name, kind, flags, _address, offset, size = row[:6]
    at = start + name
    # 256 bytes: section names are short, and a crafted table must not be copied over and over.
    text = bytes(image.data[at : min(end, at + 256)]).split(b"\0")[0] if at < end else b""
    if kind == SHT_NOBITS:
        size = 0
    return Section(text.decode("utf-8", "surrogateescape"), kind, flags, offset, size)


def build_id(image: Image) -> str | None:
    """The GNU build id in hexadecimal digits; None when there is none."""
    for kind, name, body in _notes(image):
        if kind == NT_GNU_BUILD_ID and name == b"GNU\0":
            return body.hex()
    return None


def _notes(image: Image) -> Iterator[tuple[int, bytes, bytes]]:
    head = Struct(image.layout.order + "III")
    for segment in image.segments:
        if segment.type != PT_NOTE or segment.file_size > 1 << 20:
            continue
        at, end = segment.offset, min(segment.offset + segment.file_size, image.size)
        while at + head.size <= end:
            name_size, body_size, kind = head.unpack_from(image.data, at)
            at += head.size
            body = at + (name_size + 3 & ~3)
            if body + body_size > end:
                break
            yield (
                kind,
                bytes(image.data[at : at + name_size]),
                bytes(image.data[body : body + body_size]),
            )
            at = body + (body_size + 3 & ~3)


def referenced_symbols(image: Image) -> set[int]:
    """Indices into the dynamic symbol table that some relocation uses. Raises ElfError."""
    shift = image.layout.symbol_shift
    found = {info >> shift for info in _relocations(image)}
    found.discard(0)
    return found


def static_tls_symbols(image: Image) -> set[int]:
    """Those that a relocation wants at a fixed offset from the thread pointer. Raises ElfError."""
    kind = _TPOFF.get(image.header.machine)
    shift = image.layout.symbol_shift
    mask = (1 << shift) - 1
    return {info >> shift for info in _relocations(image) if info & mask == kind}


def _relocations(image: Image) -> Iterator[int]:
    """r_info of every relocation."""
    tags = image.tags
    for table, length, rela in (
        (DT_RELA, DT_RELASZ, True),
        (DT_REL, DT_RELSZ, False),
        (DT_JMPREL, DT_PLTRELSZ, tags.get(DT_PLTREL) == DT_RELA),
    ):
        if tags.get(table) and tags.get(length):
            yield from _table(image, tags[table], tags[length], rela)


def _table(image: Image, address: int, length: int, rela: bool) -> Iterator[int]:
    form = image.layout.rela if rela else image.layout.rel
    start, end = image.offset(address, "relocations")
    if length > MAX_RELOCATIONS:
        raise image.fail(f"{length} bytes", "relocations")
    end = min(end, start + length)
    end -= (end - start) % form.size
    return (row[1] for row in form.iter_unpack(image.data[start:end]))

"""The headers of a PE file: machine, linker, data directories and sections, each bounded by the file."""

from __future__ import annotations

from struct import Struct

from gpufix.binary.gpucode.file_bytes import Bytes
from gpufix.frozen import Frozen

DOS_MAGIC = b"MZ"
MACHINES = {0x14C: "i386", 0x1C4: "arm", 0x8664: "x86_64", 0xAA64: "aarch64"}
EXPORTS, IMPORTS, RESOURCES, DELAYED = 0, 1, 2, 13
IS_DLL = 0x2000

_FILE_HEADER = Struct("<4sHHIIIHH")
_SECTION = Struct("<8sIIIIIIHHI")
_PE32, _PE32_PLUS = 0x10B, 0x20B
_MAX_SECTIONS = 96  # Windows loads no more


class PeError(ValueError):
    """A file is not PE, or contradicts itself. `what`: the fault, in words; `where`: the table that shows it."""

    def __init__(self, path: str, what: str, where: str) -> None:
        super().__init__(f"{path}: {where}: {what}")
        self.path, self.what, self.where = path, what, where

    def __reduce__(self) -> tuple[type[PeError], tuple[str, str, str]]:
        return type(self), (self.path, self.what, self.where)


class PeSection(Frozen):
    """A section; `offset` and `size` are of its bytes in the file, which end with the file."""

    name: str
    address: int
    extent: int  # bytes in memory
    offset: int
    size: int


class PeHeaders(Frozen):
    """directories: (address, size) by index. linker: of the toolset that made the file, (14, 44)."""

    machine: str
    is_dll: bool
    wide: bool  # PE32+: 64-bit thunks
    linker: tuple[int, int]
    directories: tuple[tuple[int, int], ...]
    sections: tuple[PeSection, ...]
    end: int  # of the last section: a shorter file is truncated


def read_headers(path: str, data: Bytes, size: int) -> PeHeaders:
    """Raises PeError."""
    if data[:2] != DOS_MAGIC:
        raise PeError(path, "no PE file", "header")
    start = _number(data[60:64])
    head = data[start : start + _FILE_HEADER.size] if 4 <= start < size else b""
    if len(head) < _FILE_HEADER.size or head[:4] != b"PE\0\0":
        raise PeError(path, "no PE header", "header")
    _, machine, count, _, _, _, length, flags = _FILE_HEADER.unpack(head)
    first = start + _FILE_HEADER.size
    optional = data[first : first + length]
    wide = _magic(path, optional) == _PE32_PLUS
    table = 112 if wide else 96
    if len(optional) < table or length < table:
        raise PeError(path, "optional header is cut off", "header")
    number = min(_number(optional[table - 4 : table]), 16, (len(optional) - table) // 8)
    rows = optional[table : table + 8 * number]
    sections, end = _sections(path, data, size, first + length, count)
    return PeHeaders(
        machine=MACHINES.get(machine, f"machine {machine:#x}"),
        is_dll=bool(flags & IS_DLL),
        wide=wide,
        linker=(optional[2], optional[3]),
        directories=tuple(Struct("<II").iter_unpack(rows)),
        sections=sections,
        end=end,
    )


def _magic(path: str, optional: bytes) -> int:
    magic = _number(optional[:2])
    if magic not in (_PE32, _PE32_PLUS):
        raise PeError(path, f"unknown kind {magic:#x}", "optional header")
    return magic


def _sections(
    path: str, data: Bytes, size: int, at: int, count: int
) -> tuple[tuple[PeSection, ...], int]:
    """With the end of the last one in the file, as the table has it."""
    if count > _MAX_SECTIONS:
        raise PeError(path, f"{count} sections", "section table")
    table = data[at : at + count * _SECTION.size]
    if len(table) < count * _SECTION.size:
        raise PeError(path, "cut off", "section table")
    found, last = [], 0
    for name, extent, address, raw, offset, *_ in _SECTION.iter_unpack(table):
        last = max(last, offset + raw if raw else 0)
        offset = min(offset & ~0x1FF if offset >= 0x200 else offset, size)
        kept = min(raw, size - offset)
        found.append(PeSection(_name(name), address, extent or raw, offset, kept))
    return tuple(found), last


def _name(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("latin-1")


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")

"""Libraries that somebody broke: copies of real ones, each with one thing changed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.elf.layout import (
    DF_1_NOOPEN,
    DF_1_PIE,
    DT_FLAGS_1,
    PT_DYNAMIC,
    PT_GNU_STACK,
    PT_LOAD,
    PT_TLS,
)

PREFIX = "mutant-"
LARGEST = 8 << 20  # bytes: copies take room
_PHDR = struct.Struct("<IIQQQQQQ")
_DYN = struct.Struct("<QQ")

Change = Callable[[bytearray, ElfFile, random.Random], None]


@contextmanager
def made(paths: list[str], count: int, seed: int = 1) -> Iterator[list[str]]:
    """`count` changed copies, each beside its original so that $ORIGIN stays; removed at the end."""
    chance = random.Random(seed)
    small = [path for path in paths if Path(path).stat().st_size <= LARGEST]
    found: list[str] = []
    try:
        while len(found) < count:
            name, change = chance.choice(CHANGES)
            path = Path(chance.choice(small))
            copy = path.with_name(f"{PREFIX}{len(found)}-{name}-{path.name}")
            with suppress(ElfError, LookupError, ValueError):
                data = bytearray(path.read_bytes())
                change(data, ElfFile(str(path)), chance)
                copy.write_bytes(data)
                found.append(str(copy))
        yield found
    finally:
        for path in found:
            Path(path).unlink(missing_ok=True)


def _ident(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    data[chance.randrange(16)] = chance.choice((0, 1, 2, 3, 9, 255))


def _header(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    offset = chance.choice((16, 18, 20, 52, 54, 56, 58, 60))  # type … number of sections
    struct.pack_into("<H", data, offset, chance.choice((0, 1, 2, 3, 62, 183)))


def _cut(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _segment(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    """Another kind, place, size or alignment in one program header."""
    at = chance.randrange(len(elf.image.segments))
    row = list(_row(elf, at))
    if row[0] in (PT_LOAD, PT_DYNAMIC):
        field, value = chance.choice(((0, 0x60000000), (3, row[3] + 8), (7, 1)))
    elif row[0] == PT_GNU_STACK:
        field, value = chance.choice(((0, 0x60000000), (1, 7)))
    elif row[0] == PT_TLS:
        field, value = chance.choice(((6, row[6] + 4096), (7, 4096)))
    else:
        field, value = 0, 0x60000000
    row[field] = value
    _PHDR.pack_into(data, elf.image.header.phoff + _PHDR.size * at, *row)


def _row(elf: ElfFile, at: int) -> tuple[int, ...]:
    return _PHDR.unpack_from(elf.image.data, elf.image.header.phoff + _PHDR.size * at)


def _needed(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    """A library that it needs goes by another name."""
    _rename(data, elf, chance.choice(elf.needed).encode())


def _reference(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    """A symbol that it uses goes by another name."""
    _rename(data, elf, chance.choice(elf.undefined()).name.encode())


def _version(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    """A version that it needs goes by another name."""
    _rename(data, elf, chance.choice(elf.version_needs).version.encode())


def _rename(data: bytearray, elf: ElfFile, name: bytes) -> None:
    start = data.index(b"\0" + name + b"\0", max(elf.image.strings - 1, 0), elf.image.strings_end)
    data[start + len(name)] = ord("~")  # no name ends in one: what is meant is surely not there


def _flags(data: bytearray, elf: ElfFile, chance: random.Random) -> None:
    """A mark that forbids to open it, in the place of an advisory entry."""
    dynamic = elf.image.segment(PT_DYNAMIC)
    start, _ = elf.image.offset(dynamic.address if dynamic else 0, "dynamic section")
    advisory = (0x6FFFFFF9, 0x6FFFFFFA, DT_FLAGS_1)  # DT_RELACOUNT, DT_RELCOUNT
    for at in range(start, start + (dynamic.file_size if dynamic else 0), _DYN.size):
        if _DYN.unpack_from(data, at)[0] in advisory:
            _DYN.pack_into(data, at, DT_FLAGS_1, chance.choice((DF_1_NOOPEN, DF_1_PIE)))
            return
    raise LookupError


CHANGES: tuple[tuple[str, Change], ...] = (
    ("ident", _ident),
    ("header", _header),
    ("cut", _cut),
    ("segment", _segment),
    ("needed", _needed),
    ("reference", _reference),
    ("version", _version),
    ("flags", _flags),
)

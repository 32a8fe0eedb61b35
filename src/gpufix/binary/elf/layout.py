"""Numbers and struct layouts of the ELF and GNU ABI specifications, and the reader's one exception."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from struct import Struct


class ElfError(ValueError):
    """A file is not ELF, or contradicts itself.

    path: the file; what: the fault, in words; where: the table or field that shows it.
    """

    def __init__(self, path: str, what: str, where: str) -> None:
        super().__init__(f"{path}: {where}: {what}")
        self.path = path
        self.what = what
        self.where = where

    @property
    def absent(self) -> bool:
        """The file could not be opened at all."""
        return self.what.startswith("cannot open")

    @property
    def other_class(self) -> bool:
        """Neither 32 nor 64 bits."""
        return self.what.startswith("unknown class")

    def __reduce__(self) -> tuple[type[ElfError], tuple[str, str, str]]:
        return type(self), (self.path, self.what, self.where)


ET_EXEC, ET_DYN = 2, 3
EM_386, EM_ARM, EM_X86_64, EM_AARCH64 = 3, 40, 62, 183

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_TLS = 1, 2, 3, 4, 7
PT_GNU_STACK = 0x6474E551
PF_X = 1

SHT_NOBITS = 8
SHF_COMPRESSED = 0x800

DT_NEEDED, DT_HASH, DT_STRTAB, DT_SYMTAB = 1, 4, 5, 6
DT_RELA, DT_RELASZ, DT_RELAENT, DT_STRSZ = 7, 8, 9, 10
DT_SONAME, DT_RPATH, DT_SYMBOLIC = 14, 15, 16
DT_REL, DT_RELSZ, DT_RELENT = 17, 18, 19
DT_PLTRELSZ, DT_PLTREL, DT_JMPREL = 2, 20, 23
DT_BIND_NOW, DT_RUNPATH, DT_FLAGS = 24, 29, 30
DT_AUXILIARY, DT_FILTER = 0x7FFFFFFD, 0x7FFFFFFF
DT_GNU_HASH, DT_VERSYM, DT_FLAGS_1 = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFB
DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF

DF_SYMBOLIC, DF_BIND_NOW, DF_STATIC_TLS = 0x2, 0x8, 0x10
DF_1_NOW, DF_1_GLOBAL, DF_1_NODELETE, DF_1_NOOPEN = 0x1, 0x2, 0x8, 0x40
DF_1_NODEFLIB, DF_1_PIE = 0x800, 0x08000000

STB_LOCAL, STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE = 0, 1, 2, 10
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_COMMON, STT_TLS, STT_GNU_IFUNC = 0, 1, 2, 5, 6, 10
SHN_UNDEF, SHN_ABS = 0, 0xFFF1

VERSYM_HIDDEN, VERSYM_INDEX = 0x8000, 0x7FFF
VER_FLG_BASE, VER_FLG_WEAK = 1, 2

MACHINES = {EM_386: "i386", EM_ARM: "arm", EM_X86_64: "x86_64", EM_AARCH64: "aarch64"}
SYMBOL_TYPES = {
    STT_NOTYPE: "notype",
    STT_OBJECT: "object",
    STT_FUNC: "func",
    STT_COMMON: "object",
    STT_TLS: "tls",
    STT_GNU_IFUNC: "func",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """bits: 32 or 64; native: tables can be cast in place, without swapping bytes."""

    bits: int
    order: str
    native: bool
    header: Struct
    segment: Struct
    section: Struct
    dynamic: Struct
    symbol: Struct
    rel: Struct
    rela: Struct
    symbol_shift: int
    """how far r_info is shifted right to give the symbol's index"""

    @property
    def in_place(self) -> bool:
        """Symbol rows can be read as 32-bit words of this machine: 64-bit, little-endian."""
        return self.native and self.bits == 64 and self.order == "<"


@cache
def layout(bits: int, little: bool) -> Layout:
    """The layout for 32 or 64 bits, little- or big-endian."""
    order = "<" if little else ">"
    word = "Q" if bits == 64 else "I"
    return Layout(
        bits=bits,
        order=order,
        native=little == (sys.byteorder == "little"),
        header=Struct(f"{order}16xHHI{word}{word}{word}IHHHHHH"),
        segment=Struct(order + ("IIQQQQQQ" if bits == 64 else "IIIIIIII")),
        section=Struct(f"{order}II{word}{word}{word}{word}II{word}{word}"),
        dynamic=Struct(f"{order}{word}{word}"),
        symbol=Struct(order + ("IBBHQQ" if bits == 64 else "IIIBBH")),
        rel=Struct(f"{order}{word}{word}"),
        rela=Struct(f"{order}{word}{word}{word}"),
        symbol_shift=32 if bits == 64 else 8,
    )

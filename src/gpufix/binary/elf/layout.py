"""The struct layouts of one ELF class and byte order (System V gABI, chapters 4 and 5)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from struct import Struct


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

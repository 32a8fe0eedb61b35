"""MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), as far as code objects use it."""

from __future__ import annotations

import struct
from typing import Any

_NUMBERS = {
    0xCA: "f", 0xCB: "d", 0xCC: "B", 0xCD: "H", 0xCE: "I", 0xCF: "Q", 0xD0: "b", 0xD1: "h", 0xD2: "i", 0xD3: "q",
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_TEXTS = {0xD9: "B", 0xDA: "H", 0xDB: "I"}
_LISTS = {0xDC: "H", 0xDD: "I"}
_MAPS = {0xDE: "H", 0xDF: "I"}


def unpack(data: bytes) -> Any:
    """The first value. Raises ValueError on a type that no code object has, or on a cut."""
    try:
        return _Reader(data).value()
    except (struct.error, IndexError):
        raise ValueError("the metadata ends in the middle of a value") from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, code: str) -> Any:
        layout = struct.Struct(">" + code)
        (value,) = layout.unpack_from(self.data, self.at)
        self.at += layout.size
        return value

    def value(self) -> Any:
        first = self.number("B")
        if first < 0x80 or first >= 0xE0:
            return first if first < 0x80 else first - 0x100
        if first < 0x90:
            return self.map(first & 15)
        if first < 0xA0:
            return self.list(first & 15)
        if first < 0xC0:
            return self.text(first & 31)
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS:
            return self.number(_NUMBERS[first])
        for codes, read in ((_TEXTS, self.text), (_LISTS, self.list), (_MAPS, self.map)):
            if first in codes:
                return read(self.number(codes[first]))
        raise ValueError(f"the metadata has a value of type {first:#x}")

    def text(self, size: int) -> str:
        raw = self.data[self.at : self.at + size]
        if len(raw) < size:
            raise IndexError
        self.at += size
        return raw.decode("utf-8", "replace")

    def list(self, size: int) -> list[Any]:
        return [self.value() for _ in range(size)]

    def map(self, size: int) -> dict[Any, Any]:
        return {self.value(): self.value() for _ in range(size)}

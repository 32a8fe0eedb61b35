"""MessagePack as AMD's code archives and code objects use it.

Layout: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

from struct import Struct

from gpufix.binary.gpucode.images import CodeError

MAX_DEPTH, MAX_VALUES = 16, 2_000_000
_SIZES = {1: Struct(">B"), 2: Struct(">H"), 4: Struct(">I"), 8: Struct(">Q")}
_CONSTANTS: dict[int, bool | None] = {0xC0: None, 0xC2: False, 0xC3: True}
# First byte -> how many bytes say the length that follows.
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4, 0xC4: 1, 0xC5: 2, 0xC6: 4}
_ARRAYS, _MAPS = {0xDC: 2, 0xDD: 4}, {0xDE: 2, 0xDF: 4}
_NUMBERS = {
    0xCC + place: Struct(">" + code) for place, code in enumerate("BHIQbhiq")
} | {0xCA: Struct(">f"), 0xCB: Struct(">d")}  # fmt: skip


def unpack(data: bytes) -> object:
    """The first value of the bytes; what follows it is left. Raises CodeError.

    Keys that are no text are left out.
    """
    return _Reader(data).value(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._left = data, 0, MAX_VALUES

    def value(self, depth: int) -> object:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise CodeError("a table of contents is nested too deep, or too long")
        first = self._number(1)
        if first < 0x80 or first >= 0xE0:
            return first if first < 0x80 else first - 0x100
        if first < 0x90 or first in _MAPS:
            return self._map(self._count(first, 0x0F, _MAPS), depth)
        if first < 0xA0 or first in _ARRAYS:
            return [self.value(depth + 1) for _ in range(self._count(first, 0x0F, _ARRAYS))]
        if first < 0xC0 or first in _TEXTS:
            return self._taken(self._count(first, 0x1F, _TEXTS)).decode("utf-8", "replace")
        if first in _NUMBERS:
            return _NUMBERS[first].unpack(self._taken(_NUMBERS[first].size))[0]
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        raise CodeError(f"a table of contents has a value of an unknown kind, {first:#x}")

    def _map(self, count: int, depth: int) -> dict[str, object]:
        pairs = ((self.value(depth + 1), self.value(depth + 1)) for _ in range(count))
        return {key: value for key, value in pairs if isinstance(key, str)}

    def _count(self, first: int, short: int, long: dict[int, int]) -> int:
        count = self._number(long[first]) if first in long else first & short
        if count > len(self._data) - self._at:
            raise CodeError("a table of contents ends too early")
        return count

    def _number(self, size: int) -> int:
        number: int = _SIZES[size].unpack(self._taken(size))[0]
        return number

    def _taken(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise CodeError("a table of contents ends too early")
        self._at += size
        return part

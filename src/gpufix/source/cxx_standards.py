"""How compilers and CMake are told which C++ to take: -std=c++17, cxx_std_17."""

from __future__ import annotations

import re
from collections.abc import Iterator

# g++, clang and nvcc; a year that is not out yet has a letter.
_LETTERS = {"0x": 11, "1y": 14, "1z": 17, "2a": 20, "2b": 23, "2c": 26}
_FLAG = re.compile(r"(?<![\w-])--?std(?:=|\s+)(?:c|gnu)\+\+(?P<year>\d[\dxyzabc])\b")
_FEATURE = re.compile(r"(?:cxx|cuda)_std_(\d\d)")


def year(text: str) -> int | None:
    """17 for "17" and "1z". 98 and 03 are the oldest, and count so."""
    value = _LETTERS.get(text) or (int(text) if text.isdecimal() else None)
    return 3 if value == 98 else value


def flags(text: str) -> Iterator[tuple[int, int, str, int]]:
    """(start, end, as it is written, C++) of each option that chooses one."""
    for found in _FLAG.finditer(text):
        value = year(found["year"])
        if value is not None:
            yield found.start(), found.end(), found[0], value


def feature(text: str) -> int | None:
    """17 for cxx_std_17 and cuda_std_17."""
    found = _FEATURE.fullmatch(text)
    return year(found[1]) if found else None

"""Git's index: which paths of a working tree are tracked, and which of them are submodules."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_HEADER = struct.Struct(">4sII")
_FIXED = 62  # stat data, a SHA-1 and the flags, in versions 2 to 4
_MODE = struct.Struct(">I")
_FLAGS = struct.Struct(">H")
_GITLINK = 0o160000
_UNMERGED = 0x3000  # the bits of the stage


class IndexFormatError(ValueError):
    """Not an index that can be read here (another version, a SHA-256 repository, damage)."""


@dataclass(frozen=True)
class GitIndex:
    """Tracked files and submodules, as paths relative to the working tree.

    `gitlinks`: the commit of each submodule; None while a merge has not settled it.
    """

    files: frozenset[str]
    gitlinks: Mapping[str, str | None]

    def folders(self) -> frozenset[str]:
        """Every folder that holds something tracked, at any depth, and every submodule's."""
        found: set[str] = set(self.gitlinks)
        for path in self.files | self.gitlinks.keys():
            while (path := path.rpartition("/")[0]) and path not in found:
                found.add(path)
        return frozenset(found)


def parse(data: bytes) -> GitIndex:
    """Versions 2, 3 and 4. Raises IndexFormatError.

    Source: gitformat-index(5).
    """
    if len(data) < _HEADER.size:
        raise IndexFormatError("shorter than its header")
    magic, version, count = _HEADER.unpack_from(data)
    if magic != b"DIRC" or version not in (2, 3, 4):
        raise IndexFormatError(f"not an index of version 2 to 4 ({magic!r}, {version})")
    files: list[str] = []
    links: dict[str, str | None] = {}
    for path, mode, commit in _entries(data, version, count):
        if mode == _GITLINK:
            links[path] = commit
        else:
            files.append(path)
    return GitIndex(frozenset(files), links)


def _entries(data: bytes, version: int, count: int) -> Iterator[tuple[str, int, str | None]]:
    position, previous = _HEADER.size, b""
    for _ in range(count):
        start = position
        if start + _FIXED > len(data):
            raise IndexFormatError("ends within an entry")
        mode = _MODE.unpack_from(data, start + 24)[0]
        flags = _FLAGS.unpack_from(data, start + 60)[0]
        extended = version >= 3 and flags & 0x4000
        settled = mode == _GITLINK and not flags & _UNMERGED
        commit = data[start + 40 : start + 60].hex() if settled else None
        position = start + _FIXED + (2 if extended else 0)
        kept = 0
        if version == 4:
            dropped, position = _varint(data, position)
            kept = len(previous) - dropped
        end = data.find(b"\0", position)
        if end < 0 or not 0 <= kept <= len(previous):
            raise IndexFormatError("a path does not end")
        previous = previous[:kept] + data[position:end]
        position = end + 1 if version == 4 else start + ((end - start) // 8 + 1) * 8
        yield previous.decode("utf-8", "surrogateescape"), mode, commit


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Git's offset encoding: seven bits a byte, each continuation adding one."""
    value = 0
    for step in range(5):
        if position + step >= len(data):
            break
        byte = data[position + step]
        value = (value << 7) | (byte & 0x7F)
        if not byte & 0x80:
            return value, position + step + 1
        value += 1
    raise IndexFormatError("a path's prefix length does not end")

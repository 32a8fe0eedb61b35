"""/etc/ld.so.cache, in the formats of glibc before and since 2.2 (and 2.33's hwcaps subfolders)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, iter_unpack

OLD_MAGIC = b"ld.so-1.7.0\0"
NEW_MAGIC = b"glibc-ld.so.cache1.1"
MAX_CACHE = 64 << 20

_NEW_HEADER_SIZE = 48
_NEW_ENTRY = "iIIIQ"
_OLD_ENTRY = "iII"
_EXTENSION_MAGIC = 0xEAA42174
_TAG_HWCAPS = 1
_NAMED_HWCAP = 1 << 62

# Entries of other ABIs on the same machine are skipped (sysdeps/*/dl-cache.h).
FLAGS = {"x86_64": 0x0303, "aarch64": 0x0A03, "i386": 0x0003}


@dataclass(frozen=True, slots=True)
class LdCacheEntry:
    """flags: the ABI; hwcaps: the glibc-hwcaps subfolder, "" for the plain one."""

    name: str
    path: str
    flags: int
    hwcaps: str


def parse_cache(data: bytes) -> list[LdCacheEntry]:
    """All entries, in file order; what does not fit inside `data` is left out."""
    if data.startswith(OLD_MAGIC):
        count = int.from_bytes(data[12:16], "little")
        strings = 16 + 12 * count
        at = (strings + 7) & ~7  # a new cache may follow an old one, aligned
        if data[at : at + len(NEW_MAGIC)] == NEW_MAGIC:
            return _parse_new(data, at)
        rows = _rows(data[16:strings], "<" + _OLD_ENTRY)
        return _entries(data, strings, [(f, k, v, 0) for f, k, v in rows], [])
    if data.startswith(NEW_MAGIC):
        return _parse_new(data, 0)
    return []


def _parse_new(data: bytes, start: int) -> list[LdCacheEntry]:
    """The new-format cache at `start`: its strings count from there, its extension from 0."""
    # Byte 28 holds the byte order since glibc 2.33: 3 is big-endian, 0 unset, 2 little.
    order = ">" if data[start + 28 : start + 29] == b"\3" else "<"
    counts = Struct(order + "II4xI")
    if len(data) < start + _NEW_HEADER_SIZE:
        return []
    count, _strings, extension = counts.unpack_from(data, start + len(NEW_MAGIC))
    first = start + _NEW_HEADER_SIZE
    body = data[first : first + 24 * count]
    rows = [(f, k, v, h) for f, k, v, _os, h in _rows(body, order + _NEW_ENTRY)]
    return _entries(data, start, rows, _hwcaps(data, start, extension, order))


def _rows(data: bytes, form: str) -> list[tuple[int, ...]]:
    size = Struct(form).size
    return list(iter_unpack(form, data[: len(data) - len(data) % size]))


def _entries(
    data: bytes, base: int, rows: list[tuple[int, int, int, int]], names: list[str]
) -> list[LdCacheEntry]:
    found = []
    for flags, key, value, hwcap in rows:
        subfolder = ""
        if hwcap & _NAMED_HWCAP:
            number = hwcap & 0xFFFFFFFF
            subfolder = names[number] if number < len(names) else "unknown"
        name, path = _string(data, base + key), _string(data, base + value)
        if name and path:
            found.append(LdCacheEntry(name, path, flags, subfolder))
    return found


def _hwcaps(data: bytes, start: int, extension: int, order: str) -> list[str]:
    """The glibc-hwcaps subfolders that entries refer to by number."""
    head, section = Struct(order + "II"), Struct(order + "IIII")
    if extension == 0 or extension + head.size > len(data):
        return []
    magic, count = head.unpack_from(data, extension)
    if magic != _EXTENSION_MAGIC:
        return []
    at = extension + head.size
    for tag, _flags, offset, size in section.iter_unpack(
        data[at : at + min(count, 64) * section.size]
        if at + min(count, 64) * section.size <= len(data)
        else b""
    ):
        if tag == _TAG_HWCAPS:
            body = data[offset : offset + min(size, 4096) // 4 * 4]
            return [_string(data, start + at) for (at,) in iter_unpack(order + "I", body)]
    return []


def _string(data: bytes, at: int) -> str:
    end = data.find(b"\0", at, at + 4096)
    return data[at:end].decode("utf-8", "surrogateescape") if end >= 0 else ""

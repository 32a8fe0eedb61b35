"""The version resource of a PE file."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from gpufix.binary.pe.headers import RESOURCES
from gpufix.binary.pe.image import Image

_FOLDER = Struct("<IIHHHH")
_ENTRY = Struct("<II")
_LEAF = Struct("<IIII")
_VERSION = 16  # RT_VERSION
_SIGNATURE = (0xFEEF04BD).to_bytes(4, "little")
_FIXED = Struct("<4sIHHHH")
_MOST = 64  # entries of a folder that are looked at
_SIZE = 1 << 16


def read_version(image: Image) -> tuple[int, int, int, int] | None:
    """The file version in the first version resource. Raises PeError."""
    root = image.headers.directories[RESOURCES][0]
    for kind, types in _entries(image, root, root):
        if kind != _VERSION:
            continue
        for _, languages in _entries(image, root, types):
            for _, leaf in _entries(image, root, languages):
                return _fixed(image, leaf)
    return None


def _entries(image: Image, root: int, folder: int) -> Iterator[tuple[int, int]]:
    where = "resources"
    head = _FOLDER.unpack(image.read(folder, _FOLDER.size, where))
    count = min(head[4] + head[5], _MOST)
    rows = image.read(folder + _FOLDER.size, count * _ENTRY.size, where)
    for name, offset in _ENTRY.iter_unpack(rows):
        yield name, root + (offset & 0x7FFFFFFF)


def _fixed(image: Image, leaf: int) -> tuple[int, int, int, int] | None:
    where = "version resource"
    address, size, *_ = _LEAF.unpack(image.read(leaf, _LEAF.size, where))
    data = image.read(address, min(size, _SIZE), where)
    at = data.find(_SIGNATURE)
    if at < 0 or len(data) < at + _FIXED.size:
        return None
    _, _, minor, major, revision, build = _FIXED.unpack(data[at : at + _FIXED.size])
    return major, minor, build, revision

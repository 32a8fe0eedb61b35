"""NVIDIA fatbins: the containers in .nv_fatbin and __nv_relfatbin, and .fatbin files.

A container is a 16-byte header and entries, each a header and one image (a cubin, PTX, LTO-IR).
Layout read back from the output of fatbinary 11.8 to 13.5 and compared with cuobjdump; NVIDIA
publishes none. The entry's header tells everything wanted here, so only images of a few KiB are
ever decompressed, and one page per entry is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from .code_model import CodeError
from .code_source import Bytes, skip_zeros
from .code_tally import Tally
from .fatbin_entry import Entry, describe, entries, holds_nothing

MAGIC = 0xBA55ED50
# magic, version 1, header size 16: rare enough to be looked for where no section says.
SIGNATURE = bytes.fromhex("50ed55ba01001000")
CONTAINER = Struct("<IHHQ")


def read_fatbins(data: Bytes, start: int, end: int, section: str, tally: Tally) -> None:
    """Tally the containers in data[start:end]; they are 8-byte aligned with zero padding between.

    Raises CodeError where the chain of headers breaks; what came before has been tallied.
    """
    for body, body_end in _containers(data, start, end, tally):
        _read_container(data, body, body_end, section, tally)


def _containers(data: Bytes, start: int, end: int, tally: Tally) -> Iterator[tuple[int, int]]:
    position = start
    while position + CONTAINER.size <= end:
        tally.step()
        magic, version, header, size = CONTAINER.unpack(data[position : position + CONTAINER.size])
        if magic != MAGIC:
            position = _after_padding(data, position, end)
            continue
        body = position + header
        if version != 1 or header < CONTAINER.size or size > end - body:
            raise CodeError(f"fatbin at {position:#x}: header is implausible")
        yield body, body + size
        position = body + size


def _after_padding(data: Bytes, position: int, end: int) -> int:
    """Where the next container starts; CodeError when what lies between is not padding."""
    found = skip_zeros(data, position, end)
    if found < end and data[found : found + len(SIGNATURE)] != SIGNATURE:
        raise CodeError(f"no fatbin at {found:#x}")
    return found


def _read_container(data: Bytes, position: int, end: int, section: str, tally: Tally) -> None:
    """Tally the entries of one container, and what they stand beside."""
    hollow = _is_hollow(data, position, end, tally)
    images: set[int] = set()
    try:
        for entry in entries(data, position, end, tally):
            kind, _, size, minor, major, arch, flags, _, _ = entry
            key = (section, kind, arch, flags, major, minor, hollow)
            index = tally.count(key, size)
            if index is None:
                index = tally.add(key, describe(data, entry, section, hollow, tally), size)
            images.add(index)
    finally:
        # What stood before a damaged entry is there, whatever follows.
        if not hollow:
            tally.group(images)


def _is_hollow(data: Bytes, position: int, end: int, tally: Tally) -> bool:
    """Whether no image of the container holds a kernel; most often the first entry's size says no."""
    found: Entry | None = None
    try:
        for found in entries(data, position, end, tally):
            if not holds_nothing(data, found, tally):
                return False
    except CodeError:
        return False
    return found is not None

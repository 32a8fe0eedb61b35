"""Entries of a fatbin: a header of 64 or more bytes, and an image padded to 8."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from .code_model import CodeError, Image
from .code_source import Bytes, skip_zeros
from .code_tally import Tally
from .fatbin_cubin import cubin_sm
from .fatbin_hollow import MAX_PLAIN, is_hollow

# kind, header size, payload size, compressed size, version minor and major, arch, flags, plain size
HEADER = Struct("<HxxIQI4xHHI8xQ8xQ")
# kind, position and size of the payload, version minor and major, arch, flags, compressed and plain size
Entry = tuple[int, int, int, int, int, int, int, int, int]

KINDS = {1: "ptx", 2: "cubin", 8: "lto"}
BITS_64, DEBUG, LZ4, ZSTD, ARCH_SPECIFIC, FAMILY = 0x1, 0x2, 0x2000, 0x8000, 0x100000, 0x200000
# Decompressing a small image takes as long as some 100 headers.
HOLLOW_COST = 100


def entries(data: Bytes, position: int, end: int, tally: Tally) -> Iterator[Entry]:
    """The entries in data[position:end]. Raises CodeError at the first that does not fit."""
    least = HEADER.size
    while position + least <= end:
        kind, header, size, packed, minor, major, arch, flags, plain = HEADER.unpack(
            data[position : position + least]
        )
        following = position + header + size
        if header < least or following > end:
            raise CodeError(f"fatbin entry at {position:#x} exceeds its container")
        tally.step()
        yield kind, position + header, size, minor, major, arch, flags, packed, plain
        position = following
    if skip_zeros(data, position, end) < end:
        raise CodeError(f"fatbin entry at {position:#x} is cut off")


def compression_of(flags: int) -> str:
    return "lz4" if flags & LZ4 else "zstd" if flags & ZSTD else ""


def holds_nothing(data: Bytes, entry: Entry, tally: Tally) -> bool:
    """Whether the image has neither function nor variable; large ones are not looked at."""
    kind, payload, size, _, _, _, flags, packed, plain = entry
    if max(size, plain) > MAX_PLAIN:
        return False
    tally.step(HOLLOW_COST)
    compression = compression_of(flags)
    image = data[payload : payload + (packed if compression and packed < size else size)]
    return is_hollow(KINDS.get(kind, "other"), image, compression, plain)


def describe(data: Bytes, entry: Entry, section: str, hollow: bool, tally: Tally) -> Image:
    """The image of an entry. A cubin that contradicts its entry, and unknown kinds, are gaps."""
    number, payload, _, minor, major, arch, flags, _, _ = entry
    kind, compression = KINDS.get(number, "other"), compression_of(flags)
    if kind == "cubin" and not compression:
        told = cubin_sm(data, payload)
        if told is not None and told != arch:
            tally.gap(f"a cubin entry for sm_{arch} holds code for sm_{told}")
    if kind == "other":
        tally.gap(f"fatbin entries of unknown kind {number}")
    suffix = "a" if flags & ARCH_SPECIFIC else "f" if flags & FAMILY else ""
    return Image(
        kind=kind,
        arch=f"sm_{arch}{suffix}",
        section=section,
        ptx_version=f"{major}.{minor}" if kind == "ptx" else None,
        compression=compression,
        relocatable=section == "__nv_relfatbin",
        debug=bool(flags & DEBUG),
        bits=64 if flags & BITS_64 else 32,
        hollow=hollow,
    )

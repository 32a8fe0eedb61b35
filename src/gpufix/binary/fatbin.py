"""NVIDIA fatbins: the containers in .nv_fatbin and __nv_relfatbin, and .fatbin files.

A container is a 16-byte header and entries, each a header and one image (a cubin, PTX, LTO-IR).
Layout read back from the output of fatbinary 11.8 to 13.5 and compared with cuobjdump; NVIDIA
publishes none. The entry's header tells everything wanted here, so no image is decompressed and
one page per entry is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from .code_model import CodeError, Image
from .code_source import Bytes, skip_zeros
from .code_tally import Tally
from .fatbin_cubin import cubin_sm

MAGIC = 0xBA55ED50
# magic, version 1, header size 16: rare enough to be looked for where no section says.
SIGNATURE = bytes.fromhex("50ed55ba01001000")
CONTAINER = Struct("<IHHQ")
# kind, header size, payload size, version minor and major, arch, flags
ENTRY = Struct("<HxxIQ8xHHI8xQ16x")
ENTRY_MIN = ENTRY.size

KINDS = {1: "ptx", 2: "cubin", 8: "lto"}
BITS_64, DEBUG, LZ4, ZSTD, ARCH_SPECIFIC, FAMILY = 0x1, 0x2, 0x2000, 0x8000, 0x100000, 0x200000


def read_fatbins(data: Bytes, start: int, end: int, section: str, tally: Tally) -> None:
    """Tally the containers in data[start:end]; they are 8-byte aligned with zero padding between.

    Raises CodeError where the chain of headers breaks; what came before has been tallied.
    """
    for body, body_end in _containers(data, start, end, tally):
        _read_entries(data, body, body_end, section, tally)


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


def _read_entries(data: Bytes, position: int, end: int, section: str, tally: Tally) -> None:
    """Tally the entries of one container."""
    images: set[int] = set()
    while position + ENTRY_MIN <= end:
        kind, header, payload, minor, major, arch, flags = ENTRY.unpack(
            data[position : position + ENTRY_MIN]
        )
        following = position + header + payload
        if header < ENTRY_MIN or following > end:
            tally.group(images)
            raise CodeError(f"fatbin entry at {position:#x} exceeds its container")
        tally.step()
        key = (section, kind, arch, flags, major, minor)
        index = tally.count(key, payload)
        if index is None:
            index = tally.add(key, _image(data, position + header, key, tally), payload)
        images.add(index)
        position = following
    tally.group(images)
    if skip_zeros(data, position, end) < end:
        raise CodeError(f"fatbin entry at {position:#x} is cut off")


def _image(
    data: Bytes, payload: int, key: tuple[str, int, int, int, int, int], tally: Tally
) -> Image:
    section, number, arch, flags, major, minor = key
    kind = KINDS.get(number, "other")
    compression = "lz4" if flags & LZ4 else "zstd" if flags & ZSTD else ""
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
    )

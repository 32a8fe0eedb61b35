"""NVIDIA fatbins: containers, entries, cubins and PTX, also compressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from struct import Struct

from gpufix.binary.gpucode.file_bytes import Bytes, skip_zeros
from gpufix.binary.gpucode.images import CodeError, GpuImage, Tally
from gpufix.binary.gpucode.zstd import zstd_head


def lz4_block(data: bytes, size: int) -> bytes:
    """The `size` bytes that a block holds. Raises ValueError when it is damaged."""
    out = lz4_head(data, size)
    if len(out) != size:
        raise ValueError("block has another size than its header says")
    return out


def lz4_head(data: bytes, want: int) -> bytes:
    """At least the first `want` bytes that a block holds, or all. Raises ValueError.

    Format: lz4_Block_format.md of the LZ4 project.
    """
    out = bytearray()
    at = 0
    try:
        while len(out) < want:
            token, at = data[at], at + 1
            length, at = _length(data, at, token >> 4)
            out += data[at : at + length]
            at += length
            if at >= len(data) or len(out) >= want:
                break
            distance, at = data[at] | data[at + 1] << 8, at + 2
            length, at = _length(data, at, token & 15)
            if not 0 < distance <= len(out):
                raise ValueError("match before the start")
            start = len(out) - distance
            pattern = out[start : start + length + 4]
            out += (pattern * ((length + 4) // len(pattern) + 1))[: length + 4]
    except IndexError as short:
        raise ValueError("block is cut off") from short
    return bytes(out)


def _length(data: bytes, at: int, length: int) -> tuple[int, int]:
    """15 goes on in further bytes, as long as they are 255."""
    if length == 15:
        while True:
            more, at = data[at], at + 1
            length += more
            if more != 255:
                break
    return length, at


MAGIC = 0xBA55ED50
# magic, version 1, header size 16: rare enough to be looked for where no section says.
SIGNATURE = bytes.fromhex("50ed55ba01001000")
CONTAINER = Struct("<IHHQ")


def read_fatbins(data: Bytes, start: int, end: int, section: str, tally: Tally) -> None:
    """Tally the containers in data[start:end]; they are 8-byte aligned with zero padding between.

    Raises CodeError where the chain of headers breaks; what came before has been tallied.
    """
    for body, body_end in containers(data, start, end, tally):
        _read_container(data, body, body_end, section, tally)


def containers(data: Bytes, start: int, end: int, tally: Tally) -> Iterator[tuple[int, int]]:
    """Where the entries of each container begin and end. Raises CodeError as read_fatbins does."""
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
    hollow = all_hollow(data, position, end, tally)
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


def all_hollow(data: Bytes, position: int, end: int, tally: Tally) -> bool:
    """Whether no image of the container holds a kernel; most often the first entry's size says no."""
    found: Entry | None = None
    try:
        for found in entries(data, position, end, tally):
            if not holds_nothing(data, found, tally):
                return False
    except CodeError:
        return False
    return found is not None


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


def describe(data: Bytes, entry: Entry, section: str, hollow: bool, tally: Tally) -> GpuImage:
    """The image of an entry. A cubin that contradicts its entry, and unknown kinds, are gaps."""
    number, payload, _, minor, major, arch, flags, _, _ = entry
    kind, compression = KINDS.get(number, "other"), compression_of(flags)
    if kind == "cubin" and not compression:
        sm = cubin_sm(data, payload)
        if sm is not None and sm != arch:
            tally.gap(f"a cubin entry for sm_{arch} holds code for sm_{sm}")
    if kind == "other":
        tally.gap(f"fatbin entries of unknown kind {number}")
    suffix = "a" if flags & ARCH_SPECIFIC else "f" if flags & FAMILY else ""
    return GpuImage(
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


# The largest seen has 2,280 bytes (sm_100, relocatable), the smallest with a kernel 2,600.
MAX_PLAIN = 4096
# Names of the sections that hold functions and variables; a hollow cubin has none of them.
_CONTENT = (b".text.", b".nv.global", b".nv.constant")
_HOLLOW = re.compile(rb"//[^\n]*|\.version\s+[\d.]+|\.target\s+[^\n]*|\.address_size\s+\d+|\s+|\0")


@lru_cache(maxsize=512)
def is_hollow(kind: str, payload: bytes, compression: str, plain: int) -> bool:
    """Whether an image holds neither function nor variable; False in doubt.

    plain: its size once decompressed. The same few images stand in most containers: remembered.
    """
    if kind not in ("cubin", "ptx"):
        return False
    try:
        if compression == "lz4":
            payload = lz4_block(payload, plain)
        elif compression == "zstd":
            payload = zstd_head(payload, plain)
    except ValueError:
        return False
    if kind == "ptx":
        return b".version" in payload and not _HOLLOW.sub(b"", payload)
    named = payload.startswith(b"\x7fELF") and b".shstrtab\0" in payload
    return named and not any(name in payload for name in _CONTENT)


EM_CUDA = 190
# EI_OSABI of the two generations; where each keeps the sm number in e_flags.
OLD_OSABI, NEW_OSABI = 51, 65
_HEADER = Struct("<4s3xB10xH28xI")


def cubin_sm(data: Bytes, offset: int) -> int | None:
    """sm number of the cubin at offset, 120 for sm_120; None when it is no cubin that we know.

    "a" and "f" are not in e_flags: sm_90 and sm_90a have the same. Measured on ptxas 11.8 to 13.5:
    OSABI 51 (toolkits up to 12.9, below sm_100) keeps it in bits 0-7, OSABI 65 in bits 8-15.
    """
    header = data[offset : offset + _HEADER.size]
    if len(header) < _HEADER.size:
        return None
    magic, osabi, machine, flags = _HEADER.unpack(header)
    if magic != b"\x7fELF" or machine != EM_CUDA:
        return None
    if osabi == OLD_OSABI:
        return int(flags & 0xFF)
    return int(flags >> 8 & 0xFF) if osabi == NEW_OSABI else None


# nvcc's leading comment is 300 bytes; the directives must be the first statements of the file.
HEAD = 64 * 1024
_DIRECTIVES = re.compile(
    rb"\s*\.version\s+(\d{1,3}\.\d{1,3})\s+\.target\s+(sm_\d{1,4}[af]?)(?![\w])([^\n]{0,200})"
)
# An unclosed comment runs to the end: so one pass is enough, whatever the text.
_COMMENTS = re.compile(rb"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)


def read_ptx(data: Bytes, section: str) -> GpuImage:
    """The image that a .ptx file is. Raises CodeError when it does not start as PTX must."""
    found = _DIRECTIVES.match(_COMMENTS.sub(b"", data[:HEAD]))
    if not found:
        raise CodeError("no .version and .target at the start: not PTX")
    version, target, options = (part.decode("ascii", "replace") for part in found.groups())
    return GpuImage("ptx", target, section, ptx_version=version, debug="debug" in options)


def looks_like_ptx(data: Bytes) -> bool:
    return b".version" in data[:HEAD] and b".target" in data[:HEAD]

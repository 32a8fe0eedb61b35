"""HIP fat binaries: clang's offload bundles, plain or compressed, and offload binaries."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from struct import Struct, error

from gpufix.binary.gpucode.amdgpu import AmdCodeObject, entry_target, read_code_object
from gpufix.binary.gpucode.file_bytes import Bytes, find, skip_zeros
from gpufix.binary.gpucode.images import CodeError, GpuImage, Tally
from gpufix.binary.gpucode.zstd import ZstdError, zstd_head

BINARY_MAGIC = b"\x10\xff\x10\xad"
VERSION = 1
MAX_STRINGS, MAX_STRING = 64, 256
_HEADER = Struct("<4sIQQQ")
_BINARY_ENTRY = Struct("<HHIQQQQ")
_STRING = Struct("<QQ")
_ARCH = re.compile(r"sm_[0-9]{2,3}[af]?|gfx[0-9a-z-]{3,20}(?::(?:xnack|sramecc)[+-]){0,2}")
_CUDA_KINDS = {2: "bitcode", 3: "cubin", 5: "ptx"}


def read_offload_binaries(data: Bytes, start: int, end: int, section: str, tally: Tally) -> None:
    """Tally the binaries in data[start:end]. Raises CodeError at the first that is malformed."""
    position = start
    while (position := skip_zeros(data, position, end)) < end:
        tally.step()
        # The section is 8-aligned, so padding cannot have eaten the magic's first byte.
        if end - position < _HEADER.size:
            raise CodeError("offload binary ends in its header")
        magic, version, size, entry, _ = _HEADER.unpack(data[position : position + _HEADER.size])
        if magic != BINARY_MAGIC:
            raise CodeError(f"no offload binary at {position:#x}")
        if version != VERSION:
            raise CodeError(f"offload binary of unknown version {version}")
        if not _HEADER.size <= size <= end - position or entry + _BINARY_ENTRY.size > size:
            raise CodeError(f"offload binary at {position:#x}: sizes are implausible")
        image = _binary_image(data[position : position + size], entry, section)
        tally.group({tally.add(image, image, image.size)})
        position += size


def _binary_image(data: bytes, at: int, section: str) -> GpuImage:
    kind, _, _, table, count, _, size = _BINARY_ENTRY.unpack_from(data, at)
    strings = _strings(data, table, count)
    arch = strings.get("arch", "")
    if not _ARCH.fullmatch(arch):
        arch = ""
    if "amdgcn" in strings.get("triple", ""):
        name = {1: "hip", 2: "bitcode"}.get(kind, "other")
    else:
        name = _CUDA_KINDS.get(kind, "other")
    return GpuImage(name, arch, section, relocatable=True, size=size)


def _strings(data: bytes, table: int, count: int) -> dict[str, str]:
    if count > MAX_STRINGS or table + count * _STRING.size > len(data):
        raise CodeError("offload binary: string table is implausible")
    pairs = _STRING.iter_unpack(data[table : table + count * _STRING.size])
    return {_text(data, key): _text(data, value) for key, value in pairs}


def _text(data: bytes, at: int) -> str:
    return data[at : at + MAX_STRING].split(b"\0", 1)[0].decode("ascii", "replace")


MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
MAX_ENTRIES = 512
# The head of a zstd frame takes as long as some 400 headers of fatbins.
PACKED_COST = 400
MAX_ID = 256
MAX_TABLE = 64 * 1024
_U64 = Struct("<Q")
_ENTRY = Struct("<QQQ")


def read_bundles(data: Bytes, start: int, end: int, section: str, tally: Tally) -> None:
    """Tally the bundles in data[start:end]. Raises CodeError at the first that is malformed."""
    position = start
    while (position := skip_zeros(data, position, end)) < end:
        tally.step()
        if data[position : position + len(CCOB)] == CCOB:
            position = _read_compressed(data, position, end, section, tally)
        elif data[position : position + len(MAGIC)] == MAGIC:
            position = _read_plain(data, position, end, section, tally)
        else:
            raise CodeError(f"no offload bundle at {position:#x}")


def _read_plain(data: Bytes, start: int, end: int, section: str, tally: Tally) -> int:
    """Tally a plain bundle. Where it ends."""
    last, images = start + len(MAGIC), set()
    for entry_id, offset, size in entries(data, start, end):
        if offset + size > end - start:
            raise CodeError(f"offload bundle at {start:#x}: {entry_id!r} lies outside the section")
        last = max(last, start + offset + size)
        code = read_code_object(data, start + offset)
        index = tally_entry(entry_id, size, section, "", tally, code)
        if index is not None:
            images.add(index)
    tally.group(images)
    return last


def _read_compressed(data: Bytes, start: int, end: int, section: str, tally: Tally) -> int:
    """Tally a compressed bundle by the head of its content. Where it ends."""
    tally.step(PACKED_COST)
    packed = open_compressed(data, start, end)
    _tally_packed(packed, section, tally)
    if packed.end is not None:
        return packed.end
    # Version 1 does not say how long it is. Nested, so that no byte is searched twice in vain.
    packed_next = find(data, (CCOB,), start + len(CCOB), end)
    limit = packed_next if packed_next > 0 else end
    plain_next = find(data, (MAGIC,), start + len(CCOB), limit)
    return plain_next if plain_next > 0 else limit


def _tally_packed(packed: Compressed, section: str, tally: Tally) -> None:
    head, why = packed.head()
    if not head.startswith(MAGIC):
        tally.gap(f"{section}: compressed offload bundle: {why or 'no bundle inside'}")
        image = GpuImage("other", "", section, compression=packed.method)
        tally.group({tally.add(image, image, packed.size)})
        return
    images = set()
    table = entries(head, 0, len(head))
    inside = max(1, sum(size for _, _, size in table))
    for entry_id, _, size in table:
        # How much of the stored size is whose is not written: shared out by the sizes inside.
        share = packed.size * size // inside
        index = tally_entry(entry_id, share, section, packed.method, tally)
        if index is not None:
            images.add(index)
    tally.group(images)


def entries(data: Bytes, start: int, end: int) -> list[tuple[str, int, int]]:
    """The table of the bundle at start: (id, offset from start, size). Raises CodeError."""
    head = data[start : min(end, start + MAX_TABLE)]
    position = len(MAGIC) + _U64.size
    if position > len(head):
        raise CodeError("offload bundle ends in its header")
    (count,) = _U64.unpack_from(head, len(MAGIC))
    if count > MAX_ENTRIES:
        raise CodeError(f"offload bundle at {start:#x} claims {count} entries")
    table = []
    for _ in range(count):
        if position + _ENTRY.size > len(head):
            raise CodeError("offload bundle ends in its table")
        offset, size, length = _ENTRY.unpack_from(head, position)
        position += _ENTRY.size
        if length > MAX_ID or position + length > len(head):
            raise CodeError(f"offload bundle at {start:#x}: an entry's id is implausible")
        table.append((head[position : position + length].decode("ascii", "replace"), offset, size))
        position += length
    return table


def tally_entry(
    entry_id: str,
    size: int,
    section: str,
    compression: str,
    tally: Tally,
    code: AmdCodeObject | None = None,
) -> int | None:
    """Count one bundle entry; `code`: its ELF header, when it can be seen. None for the host's."""
    tally.step()
    if entry_id.startswith("host-"):
        return None
    key = (section, entry_id, compression, code)
    index = tally.count(key, size)
    if index is None:
        image = _image(entry_id, section, compression, code, tally)
        index = tally.add(key, image, size)
    return index


def _image(
    entry_id: str, section: str, compression: str, code: AmdCodeObject | None, tally: Tally
) -> GpuImage:
    target = entry_target(entry_id)
    if target is None:
        kind = "spirv" if entry_id.endswith("amdgcnspirv") else "other"
        tally.gap(f"{section}: an entry for no AMD GPU that we know: {entry_id[:80]!r}")
        return GpuImage(kind, "", section, compression=compression)
    if code and code.target and code.target.partition(":")[0] != target.partition(":")[0]:
        tally.gap(f"{section}: an entry for {target} holds code for {code.target}")
    return GpuImage(
        kind="hip",
        arch=target,
        section=section,
        code_version=code.version if code else None,
        compression=compression,
    )


CCOB = b"CCOB"
METHODS = {0: "zlib", 1: "zstd"}
# A table has some 60 bytes for each of at most a few dozen targets; images start at 4096.
HEAD = 4096
# How much of the compressed bytes a head can need: one zstd block, or many poor zlib ones.
MAX_INPUT = 256 * 1024
_PREFIX = Struct("<4sHH")
_SIZES = {1: Struct("<IQ"), 2: Struct("<IIQ"), 3: Struct("<QQQ")}


@dataclass(frozen=True, slots=True)
class Compressed:
    """A compressed bundle: method ("zlib", "zstd", "unknown") and where its payload lies."""

    data: Bytes
    method: str
    payload: int
    end: int | None  # None: a version 1 header, which does not say
    limit: int

    @property
    def size(self) -> int:
        return (self.end or self.limit) - self.payload

    def head(self) -> tuple[bytes, str]:
        """At least the first HEAD bytes inside, or what there is; b"" and a reason when unreadable."""
        stop = min(self.end or self.limit, self.payload + MAX_INPUT)
        packed = self.data[self.payload : stop]
        try:
            if self.method == "zlib":
                return zlib.decompressobj().decompress(packed, HEAD), ""
            if self.method == "zstd":
                return zstd_head(packed, HEAD), ""
        except (zlib.error, ZstdError) as reason:
            return b"", f"{self.method}: {reason}"
        return b"", "unknown compression method"


def open_compressed(data: Bytes, start: int, limit: int) -> Compressed:
    """The compressed bundle at start, which must end by limit. Raises CodeError."""
    head = data[start : min(start + 64, limit)]
    try:
        _, version, method = _PREFIX.unpack_from(head)
        layout = _SIZES.get(version)
        if layout is None:
            raise CodeError(f"compressed offload bundle of unknown version {version}")
        sizes = layout.unpack_from(head, _PREFIX.size)
    except error as short:
        raise CodeError("compressed offload bundle ends in its header") from short
    payload = start + _PREFIX.size + layout.size
    end = None if version == 1 else start + sizes[0]
    if payload > limit or (end is not None and not payload <= end <= limit):
        raise CodeError(f"compressed offload bundle at {start:#x}: size is implausible")
    return Compressed(data, METHODS.get(method, "unknown"), payload, end, limit)

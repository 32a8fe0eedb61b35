"""HIP fat binaries: the clang offload bundles of .hip_fatbin, plain or compressed.

A bundle is "__CLANG_OFFLOAD_BUNDLE__", a table of (offset, size, id), and the images. A section holds
one bundle per translation unit, page-aligned. A compressed bundle is "CCOB", a header and the same
thing in zlib or zstd. Layout: ClangOffloadBundler.rst of LLVM; checked on ROCm 6.4 to 7.15 libraries.
"""

from __future__ import annotations

from struct import Struct

from .code_model import CodeError, Image
from .code_source import Bytes, find, skip_zeros
from .code_tally import Tally
from .offload_amdgpu import CodeObject, entry_target, read_code_object
from .offload_ccob import CCOB, Compressed, open_compressed

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
    packed_next = find(data, CCOB, start + len(CCOB), end)
    limit = packed_next if packed_next > 0 else end
    plain_next = find(data, MAGIC, start + len(CCOB), limit)
    return plain_next if plain_next > 0 else limit


def _tally_packed(packed: Compressed, section: str, tally: Tally) -> None:
    head, why = packed.head()
    if not head.startswith(MAGIC):
        tally.gap(f"{section}: compressed offload bundle: {why or 'no bundle inside'}")
        image = Image("other", "", section, compression=packed.method)
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
    code: CodeObject | None = None,
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
    entry_id: str, section: str, compression: str, code: CodeObject | None, tally: Tally
) -> Image:
    target = entry_target(entry_id)
    if target is None:
        kind = "spirv" if entry_id.endswith("amdgcnspirv") else "other"
        tally.gap(f"{section}: an entry for no AMD GPU that we know: {entry_id[:80]!r}")
        return Image(kind, "", section, compression=compression)
    if code and code.target and code.target.partition(":")[0] != target.partition(":")[0]:
        tally.gap(f"{section}: an entry for {target} holds code for {code.target}")
    return Image(
        kind="hip",
        arch=target,
        section=section,
        code_version=code.version if code else None,
        compression=compression,
    )

"""clang's offload binaries: .llvm.offloading, what --offload-new-driver puts into object files.

Each is a header, an entry with kinds, a table of strings ("arch", "triple") and an image to be
linked later. Layout: llvm/Object/OffloadBinary.h, version 1 (LLVM 14 to 21).
"""

from __future__ import annotations

import re
from struct import Struct

from .code_model import CodeError, Image
from .code_source import Bytes, skip_zeros
from .code_tally import Tally

MAGIC = b"\x10\xff\x10\xad"
VERSION = 1
MAX_STRINGS, MAX_STRING = 64, 256
_HEADER = Struct("<4sIQQQ")
_ENTRY = Struct("<HHIQQQQ")
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
        if magic != MAGIC:
            raise CodeError(f"no offload binary at {position:#x}")
        if version != VERSION:
            raise CodeError(f"offload binary of unknown version {version}")
        if not _HEADER.size <= size <= end - position or entry + _ENTRY.size > size:
            raise CodeError(f"offload binary at {position:#x}: sizes are implausible")
        image = _image(data[position : position + size], entry, section)
        tally.group({tally.add(image, image, image.size)})
        position += size


def _image(data: bytes, at: int, section: str) -> Image:
    kind, _, _, table, count, _, size = _ENTRY.unpack_from(data, at)
    strings = _strings(data, table, count)
    arch = strings.get("arch", "")
    if not _ARCH.fullmatch(arch):
        arch = ""
    if "amdgcn" in strings.get("triple", ""):
        name = {1: "hip", 2: "bitcode"}.get(kind, "other")
    else:
        name = _CUDA_KINDS.get(kind, "other")
    return Image(name, arch, section, relocatable=True, size=size)


def _strings(data: bytes, table: int, count: int) -> dict[str, str]:
    if count > MAX_STRINGS or table + count * _STRING.size > len(data):
        raise CodeError("offload binary: string table is implausible")
    pairs = _STRING.iter_unpack(data[table : table + count * _STRING.size])
    return {_text(data, key): _text(data, value) for key, value in pairs}


def _text(data: bytes, at: int) -> str:
    return data[at : at + MAX_STRING].split(b"\0", 1)[0].decode("ascii", "replace")

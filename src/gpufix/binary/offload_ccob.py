"""Compressed offload bundles: the "CCOB" header, and the first bytes of what it holds.

Only the bundle's table is wanted, so only the head is decompressed: zlib with the standard library;
zstd, which ROCm uses, with our own decoder of the head of a frame.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from struct import Struct, error

from .code_model import CodeError
from .code_source import Bytes
from .offload_zstd import ZstdError, zstd_head

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

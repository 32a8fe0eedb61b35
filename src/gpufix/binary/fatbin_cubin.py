"""The GPU architecture that a cubin (an ELF file of machine EM_CUDA) carries in e_flags."""

from __future__ import annotations

from struct import Struct

from .code_source import Bytes

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

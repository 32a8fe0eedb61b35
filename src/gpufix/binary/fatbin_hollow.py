"""Images without kernels: nvcc writes one for each architecture even when a source has none.

libcufft.so.11 holds just one, for sm_52, nvcc's default of that time; its kernels lie elsewhere.
Nothing can be missing from such a container, so it says nothing about the GPUs that are served.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .fatbin_lz4 import lz4_block
from .offload_zstd import zstd_head

# The largest seen has 2,280 bytes (sm_100, relocatable), the smallest with a kernel 2,600.
MAX_PLAIN = 4096
# Names of the sections that hold functions and variables; a hollow cubin has none of them.
_CONTENT = (b".text.", b".nv.global", b".nv.constant")
_DIRECTIVES = re.compile(
    rb"//[^\n]*|\.version\s+[\d.]+|\.target\s+[^\n]*|\.address_size\s+\d+|\s+|\0"
)


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
        return b".version" in payload and not _DIRECTIVES.sub(b"", payload)
    named = payload.startswith(b"\x7fELF") and b".shstrtab\0" in payload
    return named and not any(name in payload for name in _CONTENT)

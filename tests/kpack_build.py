"""Archives of GPU code, and the section that points to them, as AMD's rocm-kpack writes them.

Layout: ROCm/rocm-systems, shared/kpack/python/rocm_kpack/kpack.py. What packs them is not ours.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from importlib import import_module
from typing import Any

msgpack = import_module("pip._vendor.msgpack")  # a writer of MessagePack


def packed(value: Any) -> bytes:
    data: bytes = msgpack.packb(value, use_bin_type=True)
    return data


def marker(name: str, *patterns: str) -> bytes:
    return packed({"kpack_search_paths": list(patterns), "kernel_name": name})


def archive(
    units: Mapping[str, tuple[str, ...]], scheme: str = "zstd-per-kernel", version: int = 1
) -> bytes:
    """units: "lib/libtorch_hip.so#0" -> for which architectures. The kernels are 64 bytes each."""
    kernels = [(unit, arch) for unit, archs in units.items() for arch in archs]
    blob, toc = b"\x7fELF" * 16 * len(kernels), dict[str, dict[str, Any]]()
    for ordinal, (unit, arch) in enumerate(kernels):
        row = {"type": "hsaco", "ordinal": ordinal, "original_size": 64}
        toc.setdefault(unit, {})[arch] = row
    archs = sorted({arch for _, arch in kernels})
    contents = {
        "format_version": version, "group_name": "torch", "gfx_arch_family": archs[0] if archs else "",
        "gfx_arches": archs, "toc": toc, "compression_scheme": scheme,
        "zstd_offset": 64, "zstd_size": len(blob),
    }  # fmt: skip
    head = struct.pack("<4sIQ", b"KPAK", version, 64 + len(blob)).ljust(64, b"\0")
    return head + blob + packed(contents)

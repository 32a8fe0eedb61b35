"""Libraries that come with a GPU's kernel driver and never from a package index."""

from __future__ import annotations

_STEMS = frozenset(
    {
        "libcuda",
        "libnvidia-ml",
        "libnvidia-ptxjitcompiler",
        "libnvidia-nvvm",
        "libnvidia-opencl",
        "libnvidia-encode",
        "libnvidia-fbc",
        "libnvcuvid",
        "libnvoptix",
        "libcudadebugger",
        "libdxcore",
        "libze_intel_gpu",
    }
)


def is_driver_library(name: str) -> bool:
    """`name` (libcuda.so.1, …) is installed by a GPU driver."""
    return name.partition(".so")[0] in _STEMS

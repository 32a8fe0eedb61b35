"""The files without which `import torch` cannot work.

Where a RECORD is at hand it says which of them this build has; the fixed list is for what is left
of a torch without one. Names: the NEEDED closure of torch/_C*.so inside torch/lib, and
libtorch_global_deps.so, which torch/__init__.py loads first.
"""

from __future__ import annotations

import re
from pathlib import Path

from gpufix.facts.files import read
from gpufix.model import Distribution, Python

_RECORD_LIMIT = 64 << 20
_SOURCES = ("torch/__init__.py", "torch/version.py")
_LIBRARIES = ("c10", "torch", "torch_cpu", "torch_python", "torch_global_deps", "shm")
_GPU_LIBRARIES = ("c10_{}", "torch_{}")
# Those that only some releases have: 1.9-1.12 split torch_cuda, 2.8 put NVSHMEM apart.
_ESSENTIAL = re.compile(
    rb"\n(torch/(?:__init__\.py|version\.py|_C\.[^/,]*\.so|lib/lib(?:"
    rb"(?:c10|torch)(?:_cpu|_cuda|_hip|_xpu)?|torch_(?:python|global_deps|cuda_cu|cuda_cpp|nvshmem)"
    rb"|shm)\.so)),"
)


def expected(
    python: Python,
    location: Path,
    dist: Distribution | None,
    variant: str | None,
) -> list[str]:
    """Paths relative to the folder that holds `torch`, sorted."""
    recorded = _recorded(dist)
    if recorded:
        return sorted(recorded)
    return sorted([*_SOURCES, *_libraries(location, dist, variant), *_module(python, location)])


def _recorded(dist: Distribution | None) -> set[str]:
    if dist is None or dist.metadata is None or dist.record is None:
        return set()
    try:
        record = b"\n" + read(Path(dist.metadata, "RECORD"), _RECORD_LIMIT)
    except OSError:
        return set()
    return {path.decode() for path in _ESSENTIAL.findall(record) if path.isascii()}


def _libraries(location: Path, dist: Distribution | None, variant: str | None) -> list[str]:
    # conda-forge keeps torch's libraries in the environment's own lib folder
    if dist is not None and dist.source == "conda":
        return []
    kinds = {"cu": "cuda", "ro": "hip", "xp": "xpu"}
    gpu = kinds.get((variant or "")[:2])
    names = [*_LIBRARIES, *(name.format(gpu) for name in _GPU_LIBRARIES if gpu)]
    return [f"torch/lib/lib{name}.so" for name in names]


def _module(python: Python, location: Path) -> list[str]:
    """torch._C as this interpreter would look for it; named when no spelling of it is there."""
    suffixes = python.extension_suffixes
    if not suffixes or any((location / f"torch/_C{suffix}").exists() for suffix in suffixes):
        return []
    return [f"torch/_C{suffixes[0]}"]

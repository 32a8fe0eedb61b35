"""What a smoke run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpufix.kernels.manifest import Kernel
from gpufix.kernels.target import Target


@dataclass(frozen=True)
class Request:
    """`env` is the whole environment of compilers and programs; `jobs` compilers at once."""

    targets: tuple[Target, ...]
    kernels: tuple[Kernel, ...]
    with_torch_extension: bool
    compile_only: bool
    jobs: int
    cache: Path
    env: Mapping[str, str]
    private_toolkit: bool = False  # CUDA from wheels in the cache, instead of the machine's

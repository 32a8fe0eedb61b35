"""Does a library take its kernels by the GPU that it finds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from gpufix.binary.elf import ElfFile
from gpufix.binary.gpucode.kernels import kernels
from gpufix.facts.reading import text
from gpufix.files import read
from gpufix.knowledge.gpus.units import Unit

_LONGEST = 200  # characters of a kernel's name
_FILES, _BYTES = 2000, 1 << 20
# cudaDeviceGetAttribute, cuDeviceComputeCapability, cudaFuncGetAttributes (of CUB), hipGetDevice…,
# at::cuda::getCurrentDeviceProperties, nvmlDeviceGetCudaComputeCapability …
_ASKS = re.compile(
    r"^(?:cuda|cu|hip)(?:Device|Get|Func)\w*(?:Attribute|Properties|ComputeCapability)"
    r"|Device(?:Properties|Capability)|ComputeCapability"
)
_ASKS_IN_PYTHON = re.compile(
    rb"capability|get_device_properties|get_arch_list|get_device_name|nvidia-smi|compute_cap|pynvml"
)
_LAUNCHES = re.compile(r"(?:__)?cu(?:da)?LaunchKernel")


def unnamed_kernels(path: str, keys: Collection[str]) -> Iterator[tuple[str, str]]:
    """(Unit.key, shortest name) of each such unit whose kernels are named for no architecture."""
    for held in kernels(path, lambda images: Unit(images).key in keys):
        if held.names and not held.named_for_an_architecture:
            name = min(held.names, key=len).decode("ascii", "replace")
            yield Unit(held.images).key, text(name[:_LONGEST])


def chooses_gpu(path: str, sites: Iterable[str]) -> bool | None:
    """Whether the library, or Python of its package, asks which GPU is there.

    None: it cannot be told. A library that holds CUDA's runtime itself hides its calls, and one
    outside of any package is called by who knows whom.
    """
    asks, folder = library_asks(path), _package(path, sites)
    if asks or (folder and any(_ASKS_IN_PYTHON.search(source) for source in _python(folder))):
        return True
    return asks if folder else None


def library_asks(path: str) -> bool | None:
    """The same of the library alone. Raises ElfError."""
    names = [symbol.name for symbol in ElfFile(path).undefined()]
    if any(map(_ASKS.search, names)):
        return True
    return False if any(map(_LAUNCHES.match, names)) else None


def _package(path: str, sites: Iterable[str]) -> str | None:
    """The folder below a site folder that the library lies in."""
    for site in sites:
        top, below, _ = path.removeprefix(f"{site}/").partition("/")
        if path.startswith(f"{site}/") and below:
            return f"{site}/{top}"
    return None


def _python(folder: str) -> Iterator[bytes]:
    for path in islice(Path(folder).rglob("*.py"), _FILES):
        try:
            yield read(str(path), _BYTES)
        except OSError:
            continue

"""torch read from its files, never imported: which build it is, and whether it is all there."""

from __future__ import annotations

import re
from pathlib import Path

from gpufix.facts import torch_version
from gpufix.facts.context import Context
from gpufix.facts.files import read, text, why
from gpufix.facts.record import gone
from gpufix.facts.torch_files import expected
from gpufix.model import Distribution, Python, Torch

_LIBRARY_LIMIT = 64 << 20  # libc10.so is 1.6 MB
# The same function with std::string as either ABI mangles it. Measured over 30 releases' wheels:
# each from 1.12 on exports exactly one of the two.
_NEW_ABI = b"torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_string"
_OLD_ABI = b"torchCheckFailEPKcS2_jRKSs"
_CMAKE_ABI = re.compile(rb"_GLIBCXX_USE_CXX11_ABI=([01])")


def collect(ctx: Context, python: Python | None, distributions: list[Distribution]) -> Torch | None:
    """The torch that `import torch` would take, or what is left of one. None = not installed."""
    if python is None:
        return None
    candidates = [d for d in distributions if d.name == "torch"]
    package = _package(python, candidates)
    if package is None and not candidates:
        return None
    location = package.parent if package else Path(candidates[0].location)
    dist = next((d for d in candidates if _belongs(d, location)), None)
    return _describe(ctx, python, location, dist)


def _package(python: Python, candidates: list[Distribution]) -> Path | None:
    """The folder `torch` that Python would import, else the first that holds remains of one."""
    places = [*python.sys_path, *(d.editable for d in candidates if d.editable)]
    folders = [Path(place, "torch") for place in places]
    remains = (folder for folder in folders if _is_torch(folder))
    importable = (folder for folder in folders if _is_file(folder / "__init__.py"))
    return next(importable, None) or next(remains, None)


def _is_torch(folder: Path) -> bool:
    """Whether a folder without __init__.py once was torch, and not just something of that name."""
    marks = ("version.py", "lib/libtorch.so", "lib/libtorch_cpu.so", "lib/libc10.so")
    return any(_is_file(folder / mark) for mark in marks)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _belongs(dist: Distribution, location: Path) -> bool:
    return str(location) in (dist.location, dist.editable)


def _describe(ctx: Context, python: Python, location: Path, dist: Distribution | None) -> Torch:
    constants = _constants(ctx, location / "torch" / "version.py")
    version = constants.get("__version__") or (dist.version if dist else None)
    variant = torch_version.variant(version, constants) if version else None
    missing = [name for name in expected(python, location, dist, variant) if _gone(location, name)]
    orphan = dist is None and str(location) in python.site_dirs
    return Torch(
        state="broken" if missing or orphan else "ok",
        location=text(str(location)),
        version=version,
        release=torch_version.release(version) if version else None,
        cuda=constants.get("cuda"),
        hip=constants.get("hip"),
        variant=variant,
        build=torch_version.build(version) if version else None,
        cxx11_abi=_abi(ctx, location / "torch"),
        git_version=constants.get("git_version"),
        missing=missing,
    )


def _constants(ctx: Context, path: Path) -> dict[str, str | None]:
    try:
        return torch_version.read_version(path)
    except (OSError, ValueError) as error:
        if not gone(error):
            ctx.gap("torch", text(str(path)), f"cannot be read: {why(error)}")
        return {}


def _gone(location: Path, name: str) -> bool:
    try:
        (location / name).stat()
    except (OSError, ValueError) as error:
        return gone(error)
    return False


def _abi(ctx: Context, package: Path) -> bool | None:
    """The C++ ABI that libc10.so exports; else what its CMake file says (to 2.7); else None."""
    library, config = package / "lib/libc10.so", package / "share/cmake/Torch/TorchConfig.cmake"
    try:
        code = read(library, _LIBRARY_LIMIT)  # mmap's own search is 20 times slower than bytes'
        new, old = _NEW_ABI in code, _OLD_ABI in code
        if new != old:
            return new
        said = set(_CMAKE_ABI.findall(read(config, 1 << 16)))
        return said == {b"1"} if len(said) == 1 else None
    except OSError as error:
        if not gone(error):
            ctx.gap("torch", text(str(library)), f"cannot be read: {why(error)}")
        return None

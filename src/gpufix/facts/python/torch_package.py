"""torch: version and variant from its files, and those of its files that are missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Literal

from gpufix.facts.context import CollectContext
from gpufix.facts.packages.record_file import gone
from gpufix.facts.reading import read, text, why
from gpufix.model import Distribution, Python, Torch

_RECORD_LIMIT = 64 << 20
_SOURCES = ("torch/__init__.py", "torch/version.py")
_LIBRARIES = ("c10", "torch", "torch_cpu", "torch_python", "torch_global_deps", "shm")
_GPU_LIBRARIES = ("c10_{}", "torch_{}")
# Those that only some releases have: 1.9-1.12 split torch_cuda, 2.8 put NVSHMEM apart.
_ESSENTIAL = re.compile(
    rb"\n(torch/(?:__init__\.py|version\.py|_C\.[^/,]*\.so|lib/lib(?:"
    rb"(?:c10|torch)(?:_cpu|_cuda|_hip|_xpu)?|torch_(?:python|global_deps|cuda_cu|cuda_cpp|nvshmem)"
    rb"|shm)\.so|_C\.[^/,]*\.pyd|lib/(?:(?:c10|torch)(?:_cpu|_cuda|_hip|_xpu)?|torch_(?:python"
    rb"|global_deps)|shm|fbgemm)\.dll)),"
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
    libraries = _libraries(location, dist, variant, python.platform == "win32")
    return sorted([*_SOURCES, *libraries, *_module(python, location)])


def _recorded(dist: Distribution | None) -> set[str]:
    if dist is None or dist.metadata is None or dist.record is None:
        return set()
    try:
        record = b"\n" + read(Path(dist.metadata, "RECORD"), _RECORD_LIMIT)
    except OSError:
        return set()
    return {path.decode() for path in _ESSENTIAL.findall(record) if path.isascii()}


def _libraries(
    location: Path, dist: Distribution | None, variant: str | None, of_windows: bool
) -> list[str]:
    # conda-forge keeps torch's libraries in the environment's own lib folder
    if dist is not None and dist.source == "conda":
        return []
    kinds = {"cu": "cuda", "ro": "hip", "xp": "xpu"}
    gpu = kinds.get((variant or "")[:2])
    names = [*_LIBRARIES, *(name.format(gpu) for name in _GPU_LIBRARIES if gpu)]
    return [f"torch/lib/{name}.dll" if of_windows else f"torch/lib/lib{name}.so" for name in names]


def _module(python: Python, location: Path) -> list[str]:
    """torch._C as this interpreter would look for it; named when no spelling of it is there."""
    suffixes = python.extension_suffixes
    if not suffixes or any((location / f"torch/_C{suffix}").exists() for suffix in suffixes):
        return []
    return [f"torch/_C{suffixes[0]}"]


Build = Literal["release", "nightly", "container", "source"]
_LIMIT = 1 << 16
_LOCAL = re.compile(r"(cu\d{2,3}|cpu|xpu|rocm\d+(?:\.\d+)*)(?!\d)")
# Locals of pytorch.org: +cu118, +cpu.cxx11.abi (to 2.6), +cu117.with.pypi.cudnn, +cu128_full
_RELEASE = re.compile(
    r"\d+\.\d+(\.\d+)?(\.post\d+)?"
    r"(\+(cpu(\.cxx11\.abi)?|cu\d+([._](with[._]pypi[._]cudnn|full))?|xpu|rocm\d+(\.\d+){1,2}))?"
)
# NVIDIA's containers and Jetson wheels (2.6.0a0+df5bbc09d1.nv24.12), AMD's own wheels
# (2.7.1+rocm7.0.0.lw.git64359f59, 2.9.0+rocm7.10.0a20251120): no index of pytorch.org has them.
_VENDOR = re.compile(r"[.+]nv\d|\.lw\.git|rocmsdk|rocm\d+(\.\d+)+(a|b|rc|dev)\d")


def read_version(path: Path) -> dict[str, str | None]:
    """String and None constants assigned in version.py: `__version__`, `cuda`, `hip`, ...

    Raises OSError, ValueError (also SyntaxError's cases).
    """
    try:
        tree = ast.parse(read(path, _LIMIT))
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"not Python: {error}") from error
    constants: dict[str, str | None] = {}
    for node in tree.body:
        names = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            names = [node.target]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, (str, type(None))):
            constants |= {n.id: value.value for n in names if isinstance(n, ast.Name)}
    return constants


def release(version: str) -> str:
    """Without the local part: "2.7.1"."""
    return version.partition("+")[0]


def torch_variant(version: str, constants: dict[str, str | None]) -> str | None:
    """ "cu128", "cpu", "rocm6.4", "xpu", or None: unknown.

    The local part says it on pytorch.org's wheels; conda's and source builds' version.py otherwise.
    """
    if named := _LOCAL.match(version.partition("+")[2]):
        return named[1]
    if cuda := constants.get("cuda"):
        return "cu" + "".join(cuda.split(".")[:2])
    if hip := constants.get("rocm") or constants.get("hip"):
        return "rocm" + ".".join(hip.split(".")[:2])
    if constants.get("xpu"):
        return "xpu"
    return "cpu" if "cuda" in constants and "__version__" in constants else None


def rocm(version: str, constants: dict[str, str | None]) -> str | None:
    """The ROCm of a build, which HIP's version is not: by version.py, else by the local part."""
    named = re.match(r"rocm(\d+(?:\.\d+)+)", version.partition("+")[2])
    return constants.get("rocm") or (named[1] if named else None)


def build(version: str) -> Build | None:
    """Who built it, None when the version does not tell."""
    if _RELEASE.fullmatch(version):
        return "release"
    if _VENDOR.search(version):
        return "container"
    if re.search(r"\.dev\d", version):
        return "nightly"
    if re.search(r"a0(\+|$)|\+git|\+[0-9a-f]{7,}", version):
        return "source"
    return None


# AMD's own wheels take ROCm from wheels too; pytorch.org's bring it along.
_ON_ROCM = re.compile(r"rocm\s*(?:\[|[=<>~!;]|$)")


def _build(version: str, dist: Distribution | None) -> Build | None:
    if dist is not None and any(map(_ON_ROCM.match, dist.requires)):
        return "container"
    return build(version)


_LIBRARY_LIMIT = 64 << 20  # libc10.so is 1.6 MB
# The same function with std::string as either ABI mangles it. Measured over 30 releases' wheels:
# each from 1.12 on exports exactly one of the two.
_NEW_ABI = b"torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_string"
_OLD_ABI = b"torchCheckFailEPKcS2_jRKSs"
_CMAKE_ABI = re.compile(rb"_GLIBCXX_USE_CXX11_ABI=([01])")


def collect(
    ctx: CollectContext, python: Python | None, distributions: list[Distribution]
) -> Torch | None:
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
    marks = ("version.py", "lib/libtorch.so", "lib/libtorch_cpu.so", "lib/libc10.so", "lib/c10.dll")
    return any(_is_file(folder / mark) for mark in marks)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _belongs(dist: Distribution, location: Path) -> bool:
    return str(location) in (dist.location, dist.editable)


def _describe(
    ctx: CollectContext, python: Python, location: Path, dist: Distribution | None
) -> Torch:
    constants = _constants(ctx, location / "torch" / "version.py")
    version = constants.get("__version__") or (dist.version if dist else None)
    variant = torch_variant(version, constants) if version else None
    missing = [name for name in expected(python, location, dist, variant) if _gone(location, name)]
    orphan = dist is None and str(location) in python.site_dirs
    return Torch(
        state="broken" if missing or orphan else "ok",
        location=text(str(location)),
        version=version,
        release=release(version) if version else None,
        cuda=constants.get("cuda"),
        hip=constants.get("hip"),
        rocm=rocm(version or "", constants),
        variant=variant,
        build=_build(version, dist) if version else None,
        cxx11_abi=None if python.platform == "win32" else _abi(ctx, location / "torch"),
        git_version=constants.get("git_version"),
        missing=missing,
    )


def _constants(ctx: CollectContext, path: Path) -> dict[str, str | None]:
    try:
        return read_version(path)
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


def _abi(ctx: CollectContext, package: Path) -> bool | None:
    """The C++ ABI that libc10.so exports; else what its CMake file says (to 2.7); else None."""
    library, config = package / "lib/libc10.so", package / "share/cmake/Torch/TorchConfig.cmake"
    try:
        code = read(library, _LIBRARY_LIMIT)  # mmap's own search is 20 times slower than bytes'
        new, old = _NEW_ABI in code, _OLD_ABI in code
        if new != old:
            return new
        abi_flags = set(_CMAKE_ABI.findall(read(config, 1 << 16)))
        return abi_flags == {b"1"} if len(abi_flags) == 1 else None
    except OSError as error:
        if not gone(error):
            ctx.gap("torch", text(str(library)), f"cannot be read: {why(error)}")
        return None

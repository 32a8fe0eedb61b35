"""The project folder: which it is, its configuration, and whether it compiles anything."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpufix.facts.context import Context
from gpufix.model import CMakeCache, Project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MARKERS = ("pyproject.toml", "setup.py", "CMakeLists.txt", ".gitmodules")
_CMAKE_CACHE = "CMakeCache.txt"
_PYTHONS = ("Python3_EXECUTABLE", "Python_EXECUTABLE", "PYTHON_EXECUTABLE", "_Python3_EXECUTABLE")
_SKIP = {".git", ".hg", "node_modules", "build", "dist", "__pycache__", "site-packages"}
_SOURCES = (".cu", ".cuh", ".hip")
_BUILD_WORDS = (b"cpp_extension", b"CUDAExtension", b"find_package(Torch", b"enable_language(CUDA")
_LIMIT_DEPTH, _LIMIT_FOLDERS, _LIMIT_BYTES = 5, 2_000, 1 << 20


class ConfigError(ValueError):
    """A `[tool.gpufix]` table that cannot be used."""


def locate(given: str | None, cwd: Path) -> Path | None:
    """The project folder: the given one, else `cwd` when it looks like one, else none.

    Raises NotADirectoryError when the given one is not a folder.
    """
    if given is not None:
        root = Path(given).expanduser()
        if not root.is_dir():
            raise NotADirectoryError(f"{given} is not a folder")
        return root.resolve()
    return cwd if any((cwd / marker).exists() for marker in MARKERS) else None


def collect(ctx: Context, root: Path | None) -> Project | None:
    """Describe the project; unreadable parts are gaps."""
    if root is None:
        return None
    files = list(_files(ctx, root))
    return Project(
        root=str(root),
        markers=[m for m in MARKERS if (root / m).exists()],
        builds_extensions=any(_compiles(ctx, path) for path in files),
        libraries=[str(path) for path in files if path.suffix == ".so"],
        cmake_caches=[_cmake_cache(ctx, path) for path in files if path.name == _CMAKE_CACHE],
        config=_config(ctx, root),
    )


def _cmake_cache(ctx: Context, path: Path) -> CMakeCache:
    """`NAME:TYPE=value` lines; a cache that cannot be read is a gap and says nothing."""
    try:
        with path.open("rb") as file:
            text = file.read(_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError as error:
        ctx.gap("project", path, error.strerror or error)
        text = ""
    rows = dict(re.findall(r"^([A-Za-z0-9_]+):[A-Z]+=(.+)$", text, re.MULTILINE))
    python = next((rows[name] for name in _PYTHONS if name in rows), None)
    return CMakeCache(
        path=str(path),
        torch_dir=_found(rows.get("Torch_DIR")),
        python=_found(python),
        cuda_compiler=_found(rows.get("CMAKE_CUDA_COMPILER")),
    )


def _found(value: str | None) -> str | None:
    """What CMake looked for in vain is written as NAME-NOTFOUND."""
    return None if value is None or value.endswith("NOTFOUND") else value.strip()


def _config(ctx: Context, root: Path) -> dict[str, Any]:
    path = root / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            data = tomllib.loads(file.read(_LIMIT_BYTES).decode("utf-8"))
        table = data.get("tool", {}).get("gpufix", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        ctx.gap("project", path, f"cannot be read: {error}")
        return {}
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: [tool.gpufix] is not a table")
    return table


def _files(ctx: Context, root: Path) -> Iterator[Path]:
    queue, seen = [(root, 0)], 0
    while queue:
        folder, depth = queue.pop()
        seen += 1
        if seen > _LIMIT_FOLDERS:
            ctx.gap("project", root, f"only the first {_LIMIT_FOLDERS} folders were looked at")
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError as error:
            ctx.gap("project", folder, error.strerror or error)
            continue
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
            elif depth < _LIMIT_DEPTH and _enters(entry):
                queue.append((Path(entry.path), depth + 1))
            elif entry.name == "build" and Path(entry.path, _CMAKE_CACHE).is_file():
                yield Path(entry.path, _CMAKE_CACHE)


def _enters(entry: os.DirEntry[str]) -> bool:
    if entry.name in _SKIP or entry.name.startswith(".") or entry.name.endswith(".egg-info"):
        return False
    is_folder = entry.is_dir(follow_symlinks=False)
    return is_folder and not Path(entry.path, "pyvenv.cfg").exists()


def _compiles(ctx: Context, path: Path) -> bool:
    if path.suffix in _SOURCES:
        return True
    if path.name not in ("setup.py", "CMakeLists.txt"):
        return False
    try:
        with path.open("rb") as file:
            text = file.read(_LIMIT_BYTES)
    except OSError as error:
        ctx.gap("project", path, error.strerror or error)
        return False
    return any(word in text for word in _BUILD_WORDS)

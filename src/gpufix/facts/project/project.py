"""The project: its files, sources, and what git tracks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpufix.facts.context import CollectContext
from gpufix.facts.project.project_files import walk
from gpufix.facts.reading import read, read_whole, text, why
from gpufix.model import CMakeCache, Project, SourceFile, Submodule
from gpufix.source import git_files, toml_text

_LIMIT_INDEX, _LIMIT_MODULES = 64 << 20, 1 << 20


def tracked_files(ctx: CollectContext, root: Path) -> git_files.GitIndex | None:
    """The index of the repository whose top is `root`; None where there is none to read.

    A `.git` file (a worktree, a submodule) points outside the project, where nothing is read.
    """
    path = root / ".git" / "index"
    if not (root / ".git").is_dir() or (root / ".git").is_symlink() or not path.is_file():
        return None
    try:
        return git_files.parse_index(read_whole(path, _LIMIT_INDEX))
    except (OSError, git_files.IndexFormatError) as error:
        ctx.gap("project", path, why(error))
        return None


def submodules(
    ctx: CollectContext, root: Path, sources: Sequence[SourceFile], known: git_files.GitIndex | None
) -> list[Submodule]:
    """Every submodule that a .gitmodules declares or the index records, by path."""
    found: dict[str, Submodule] = {}
    for source in sources:
        if source.kind != "gitmodules":
            continue
        folder = source.path.rpartition("/")[0]
        is_top = not folder or folder in found or (root / folder / ".git").exists()
        for declared in _declared(ctx, root / source.path):
            path = f"{folder}/{declared.path}" if folder else declared.path
            if not is_top and not (root / path).is_dir():
                continue  # git reads the file at a repository's top only
            found[path] = Submodule(
                path=path,
                url=declared.url,
                declared_in=source.path,
                line=declared.line,
                gitlink=path in known.gitlinks if known and not folder else None,
                populated=_populated(root / path),
                commit=known.gitlinks.get(path) if known and not folder else None,
            )
    for link in sorted(known.gitlinks if known else ()):
        path = text(link)
        if path not in found:
            populated = _populated(root / link)
            commit = known.gitlinks[link] if known else None
            found[path] = Submodule(path=path, gitlink=True, populated=populated, commit=commit)
    return [found[path] for path in sorted(found)]


def _declared(ctx: CollectContext, path: Path) -> list[git_files.Declared]:
    try:
        return git_files.parse_gitmodules(text(read_whole(path, _LIMIT_MODULES)))
    except OSError as error:
        ctx.gap("project", path, why(error))
        return []


def _populated(folder: Path) -> bool:
    """Whether anything but git's own file is in it."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.name != ".git" for entry in entries)
    except OSError:
        return False


LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pixi.lock")
MARKERS = ("pyproject.toml", "setup.py", "CMakeLists.txt", ".gitmodules")
_PYTHONS = ("Python3_EXECUTABLE", "Python_EXECUTABLE", "PYTHON_EXECUTABLE", "_Python3_EXECUTABLE")
_KERNELS = (".cu", ".hip")
_BUILD_WORDS = (b"cpp_extension", b"CUDAExtension", b"find_package(Torch", b"enable_language(CUDA")
_LIMIT_BYTES = 1 << 20


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


def collect(ctx: CollectContext, root: Path | None) -> Project | None:
    """Describe the project; unreadable parts are gaps."""
    if root is None:
        return None
    index = tracked_files(ctx, root)
    config = _config(ctx, root)
    found = walk(ctx, root, index.folders() if index else None, _excluded(config))
    return Project(
        root=str(root),
        markers=[m for m in MARKERS if (root / m).exists()],
        cuda_sources=sum(source.path.endswith(_KERNELS) for source in found.sources),
        builds_extensions=any(_compiles(ctx, root, source) for source in found.sources),
        libraries=[str(path) for path in found.libraries],
        cmake_caches=[_cmake_cache(ctx, path) for path in found.cmake_caches],
        sources=found.sources,
        submodules=submodules(ctx, root, found.sources, index),
        config=config,
        locks=[name for name in LOCKS if (root / name).exists()],
    )


def _cmake_cache(ctx: CollectContext, path: Path) -> CMakeCache:
    """`NAME:TYPE=value` lines; a cache that cannot be read is a gap and says nothing."""
    try:
        lines = read_whole(path, _LIMIT_BYTES).decode("utf-8", "replace")
    except OSError as error:
        ctx.gap("project", path, why(error))
        lines = ""
    rows = dict(re.findall(r"^([A-Za-z0-9_]+):[A-Z]+=(.+)$", lines, re.MULTILINE))
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


def _config(ctx: CollectContext, root: Path) -> dict[str, Any]:
    path = root / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        data = toml_text.parse(read_whole(path, _LIMIT_BYTES).decode("utf-8"))
        table = data.get("tool", {}).get("gpufix", {})
    except (OSError, ValueError, AttributeError) as error:
        ctx.gap("project", path, f"cannot be read: {why(error)}")
        return {}
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: [tool.gpufix] is not a table")
    return table


def _excluded(config: dict[str, Any]) -> list[str]:
    """Patterns of paths, each also for what is below a folder of that name. Raises ConfigError."""
    value = config.get("exclude", [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise ConfigError(
            f"[tool.gpufix] exclude: expected a string or a list of strings, found {value!r}"
        )
    return [pattern for v in values for pattern in (v.strip("/"), f"{v.strip('/')}/*")]


def _compiles(ctx: CollectContext, root: Path, source: SourceFile) -> bool:
    if source.kind in ("cuda", "hip"):
        return True
    if source.path.rpartition("/")[2] not in ("setup.py", "CMakeLists.txt"):
        return False
    try:
        data = read(root / source.path, _LIMIT_BYTES)
    except OSError as error:
        ctx.gap("project", root / source.path, why(error))
        return False
    return any(word in data for word in _BUILD_WORDS)

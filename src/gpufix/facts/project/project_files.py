"""The walk over a project folder: what a build or a run of it reads, in bounds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read, text, why
from gpufix.model import SourceFile, SourceKind
from gpufix.text.clean import and_more

CMAKE_CACHE = "CMakeCache.txt"
_LIMIT_GIT_FILE = 1 << 14  # bytes
_LIMIT_LOOK = 1000  # entries of a folder that is linked to
_LIMIT_DEPTH, _LIMIT_FOLDERS, _LIMIT_ENTRIES, _LIMIT_SOURCES = 14, 20_000, 400_000, 30_000
# Entered only when git tracks something in them.
_OUTPUTS = {"build", "dist", "_build", "cmake-build-debug", "cmake-build-release", "out", "wandb"}
_NEVER = {"node_modules", "__pycache__", "site-packages", "CMakeFiles", "_deps", "_skbuild"}
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
_BY_SUFFIX: dict[str, SourceKind] = {
    ".py": "python",
    ".cmake": "cmake",
    ".sh": "shell",
    ".bash": "shell",
    ".dockerfile": "docker",
    ".Dockerfile": "docker",
    ".mk": "make",
    ".cu": "cuda",
    ".cuh": "cuda",
    ".hip": "hip",
    ".c": "cpp",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".h": "header",
    ".hh": "header",
    ".hpp": "header",
    ".hxx": "header",
    ".inl": "header",
}
_BY_NAME: dict[str, SourceKind] = {
    "CMakeLists.txt": "cmake",
    "pyproject.toml": "toml",
    ".gitmodules": "gitmodules",
    "Dockerfile": "docker",
    "Containerfile": "docker",
    "Makefile": "make",
    "makefile": "make",
    "GNUmakefile": "make",
}
_BY_PATTERN: tuple[tuple[str, SourceKind], ...] = (
    ("*requirements*.txt", "requirements"),
    ("*requirements*.in", "requirements"),
    ("constraints*.txt", "requirements"),
    ("environment*.yml", "environment"),
    ("environment*.yaml", "environment"),
    ("conda*.yml", "environment"),
    ("conda*.yaml", "environment"),
)


@dataclass
class Found:
    """What a walk met. Paths of sources are relative to the root, the others absolute."""

    sources: list[SourceFile] = field(default_factory=list)
    libraries: list[Path] = field(default_factory=list)
    cmake_caches: list[Path] = field(default_factory=list)


def kind_of(path: str) -> SourceKind | None:
    """What a file is by its path; None = nothing that is read."""
    folder, _, name = path.rpartition("/")
    # Path.suffix costs several times as much, and this runs for each of thousands of files.
    kind = _BY_NAME.get(name) or _BY_SUFFIX.get(os.path.splitext(name)[1])  # noqa: PTH122
    if kind is not None:
        return kind
    if name.startswith(("Dockerfile.", "Containerfile.")):
        return "docker"
    if not name.endswith((".txt", ".in", ".yml", ".yaml")):
        return None
    if folder.rpartition("/")[2] == "requirements" and name.endswith((".txt", ".in")):
        return "requirements"
    return next((kind for pattern, kind in _BY_PATTERN if fnmatchcase(name, pattern)), None)


def walk(
    ctx: CollectContext,
    root: Path,
    tracked: frozenset[str] | None = None,
    excluded: Sequence[str] = (),
) -> Found:
    """Describe the files under `root`; `tracked` holds the folders that git's index knows, submodules included.

    excluded: patterns of paths below the root that are not looked at. Links out of the project are
    not followed, but for libraries. Linear in the tree; what the bounds cut off is a gap.
    """
    found = Found()
    outside: list[str] = []
    for entry, relative in _files(ctx, root, tracked):
        if any(fnmatchcase(relative, pattern) for pattern in excluded):
            continue
        if entry.is_symlink() and not entry.name.endswith(".so"):
            if kind_of(relative) or _holds_sources(entry):
                outside.append(entry.path)
        elif entry.name == CMAKE_CACHE:
            found.cmake_caches.append(Path(entry.path))
        elif entry.name.endswith(".so"):
            found.libraries.append(Path(entry.path))
        elif kind := kind_of(relative):
            if len(found.sources) == _LIMIT_SOURCES:
                ctx.gap("project", root, f"only the first {_LIMIT_SOURCES} sources were looked at")
                break
            size = entry.stat(follow_symlinks=False).st_size
            found.sources.append(SourceFile(path=text(relative), kind=kind, size=size))
    if outside:
        more = and_more(outside)
        ctx.gap("project", text(min(outside)), f"a link to sources elsewhere: not followed{more}")
    found.sources.sort(key=lambda source: source.path)
    return found


def _files(
    ctx: CollectContext, root: Path, tracked: frozenset[str] | None
) -> Iterator[tuple[os.DirEntry[str], str]]:
    queue, folders, seen = [("", 0)], 0, 0
    while queue:
        folder, depth = queue.pop()
        entries = _listed(ctx, root / folder)
        folders, seen = folders + 1, seen + len(entries)
        if folders > _LIMIT_FOLDERS or seen > _LIMIT_ENTRIES:
            limit = f"{_LIMIT_FOLDERS} folders or {_LIMIT_ENTRIES} files"
            ctx.gap("project", root, f"only the first {limit} were looked at")
            return
        if folder and any(entry.name in _ENVIRONMENT for entry in entries):
            continue  # a virtual or conda environment inside the project
        if folder and tracked is not None and folder not in tracked and _is_clone(ctx, entries):
            continue  # somebody else's repository, which this one does not know of
        for entry in entries:
            relative = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_file(follow_symlinks=False):
                yield entry, relative
            elif entry.is_dir(follow_symlinks=False) and depth < _LIMIT_DEPTH:
                if _enters(entry.name, relative, tracked):
                    queue.append((relative, depth + 1))
                elif (cache := _cache_in(entry)) is not None:
                    yield cache, f"{relative}/{CMAKE_CACHE}"
            elif entry.is_symlink() and _leads_out(entry, root):
                yield entry, relative


def _leads_out(link: os.DirEntry[str], root: Path) -> bool:
    """Whether a link has a target, and one that the walk does not meet."""
    real = os.path.realpath(link.path)
    return Path(real).exists() and not Path(real).is_relative_to(os.path.realpath(root))


def _holds_sources(link: os.DirEntry[str]) -> bool:
    """Whether it is a folder that has some; data may be linked to as well."""
    try:
        with os.scandir(link.path) as entries:
            return any(kind_of(entry.name) for entry in islice(entries, _LIMIT_LOOK))
    except OSError:
        return False


def _listed(ctx: CollectContext, folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        ctx.gap("project", folder, why(error))
        return []


def _is_clone(ctx: CollectContext, entries: list[os.DirEntry[str]]) -> bool:
    """A clone or a worktree of its own: a submodule's .git is a file that leads to …/modules/…"""
    git = next((entry for entry in entries if entry.name == ".git"), None)
    if git is None or not git.is_file(follow_symlinks=False):
        return git is not None
    try:
        return b"/modules/" not in read(Path(git.path), _LIMIT_GIT_FILE)
    except OSError as error:
        ctx.gap("project", git.path, why(error))
        return True


def _enters(name: str, relative: str, tracked: frozenset[str] | None) -> bool:
    if name.startswith(".") or name in _NEVER or name.endswith((".egg-info", ".dist-info")):
        return False
    return name not in _OUTPUTS or (tracked is not None and relative in tracked)


def _cache_in(folder: os.DirEntry[str]) -> os.DirEntry[str] | None:
    """The CMake cache of a build folder that is not entered."""
    if folder.name not in _OUTPUTS:
        return None
    try:
        with os.scandir(folder.path) as entries:
            return next((e for e in entries if e.name == CMAKE_CACHE and e.is_file()), None)
    except OSError:
        return None

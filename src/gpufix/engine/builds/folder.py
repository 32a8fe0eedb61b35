"""A source folder: how it is built, what it compiles, and what earlier builds left in it."""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from gpufix.facts.libraries.library_files import foreign
from gpufix.facts.reading import read
from gpufix.fixes.build_environment.variables import Backend, Folder
from gpufix.model import Distribution, Facts
from gpufix.source.builds.cmake_syntax import commands

_SETTERS = ("set", "set_target_properties", "set_property")
_PLACE = re.compile(r"\$\{(?:CMAKE_|PROJECT_|CMAKE_CURRENT_)BINARY_DIR\}/([\w./-]+)")


def in_package(root: Path, text: str) -> bool:
    """An output folder under CMake's binary folder is the package of the sources: they are one.

    `text`: CMakeLists.txt. With a build folder apart, the library would not lie where it is imported.
    """
    for command in commands(text) if "OUTPUT_DIRECTORY" in text else ():
        words = command.words if command.name in _SETTERS else []
        for name, value in pairwise(words):
            place = _PLACE.fullmatch(value)
            if "OUTPUT_DIRECTORY" in name and place and (root / place[1] / "__init__.py").is_file():
                return True
    return False


# Keywords of setup() by which something is compiled: setuptools, scikit-build, setuptools-rust.
_KEYWORDS = {"ext_modules", "cmdclass", "distclass", "rust_extensions", "cffi_modules"}
_PREFIX = "cmake_"
_USES_CMAKE = re.compile(r"\bcmake\b", re.IGNORECASE)
_DEFINITION = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def setup_builds(text: str) -> bool:
    """True for extensions or commands given to setup(), and for cmake called on the way there.

    A class that is defined and not used compiles nothing. What cannot be parsed, or hands setup()
    keywords that are computed, is taken to build when it speaks of either.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "ext_modules" in text or "cmake" in text
    for call in _calls(tree):
        names = {keyword.arg for keyword in call.keywords}
        if names & _KEYWORDS or any(n is not None and n.startswith(_PREFIX) for n in names):
            return True
        if None in names and "ext_modules" in text:
            return True
    statements = (s for s in tree.body if not isinstance(s, _DEFINITION))
    return any(_USES_CMAKE.search(_reached(tree, statement)) for statement in statements)


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
            if name == "setup":
                yield node


def _reached(tree: ast.Module, statement: ast.stmt) -> str:
    """The strings of a statement, and of the functions and classes that it names."""
    named = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    bodies = [s for s in tree.body if isinstance(s, _DEFINITION) and s.name in named]
    nodes = (node for part in (statement, *bodies) for node in ast.walk(part))
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return " ".join(value for value in constants if isinstance(value, str))


_SETUPTOOLS = ("temp.", "lib.", "bdist.")
_CMAKE = ("CMakeCache.txt", "CMakeFiles")
_INDEX_LIMIT = 64 << 20  # bytes of .git/index


def stale(root: Path, tag: str, metadata: set[str]) -> Iterator[Path]:
    """Products of setuptools and CMake, metadata that no installation uses, modules for other Pythons.

    Nothing that git tracks, and no link. `tag`: the patient's ("cp311"). `metadata`: folders
    that describe an installed distribution.
    """
    index = _index(root)
    for path in _candidates(root, tag, metadata):
        relative = os.fsencode(path.relative_to(root))
        if not path.is_symlink() and relative not in index:
            yield path


def clean(paths: Iterator[Path] | list[Path]) -> None:
    """Delete them. Raises OSError."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _candidates(root: Path, tag: str, metadata: set[str]) -> Iterator[Path]:
    for folder in _children(root):
        configured = (folder / _CMAKE[0]).is_file()
        if configured and folder.name.startswith(("build", "cmake-build", "_skbuild")):
            yield folder
        elif folder.name == "build":
            yield from (p for p in _children(folder) if p.name.startswith(_SETUPTOOLS))
    if (root / _CMAKE[0]).is_file():
        yield from (root / name for name in _CMAKE if (root / name).exists())
    for folder in (root, *_children(root)):
        for path in sorted(folder.glob("*.egg-info")):
            if (path / "PKG-INFO").is_file() and str(path) not in metadata:
                yield path
    for folder in (root, *_children(root)):
        yield from (p for p in sorted(folder.glob("*.so")) if foreign(str(p), tag))


def _children(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            return sorted(Path(e.path) for e in entries if e.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _index(root: Path) -> bytes:
    """git's list of tracked files holds each path in full (versions 2 and 3): looked for as bytes."""
    for folder in (root, *root.parents):
        if (folder / ".git").is_dir():
            try:
                return read(folder / ".git" / "index", _INDEX_LIMIT)
            except OSError:
                return b""
    return b""


_GPU = (".cu", ".hip")
_HOST = (".cpp", ".cc", ".cxx", ".c", ".mm", ".pyx")
_BUILD_FILES = ("setup.py", "pyproject.toml", "CMakeLists.txt", "setup.cfg")
_SKIP = {"build", "dist", "node_modules", "__pycache__", "site-packages", "third_party", "tests"}
_FOLDERS, _DEPTH, _BYTES = 4_000, 8, 1 << 18
# A Python build that calls CMake by itself.
_CALLS_CMAKE = ("scikit_build_core", "scikit-build", "skbuild", "cmake", "mesonpy", "ext-modules")


class NotBuildable(ValueError):
    """The folder holds nothing that gpufix knows how to build."""


def inspect(path: Path, facts: Facts) -> Folder:
    """Describe the folder at `path`. Raises NotBuildable."""
    root = Path(os.path.realpath(path))
    if not root.is_dir():
        raise NotBuildable(f"{path} is not a folder")
    text = "\n".join(_text(root / name) for name in _BUILD_FILES)
    helpers = [*sorted(root.glob("*build*.py")), *sorted(root.glob("build_tools/*.py"))]
    text += "\n".join(_text(path) for path in helpers[:16])
    backend = _backend(root, text)
    sources = list(_sources(root))
    dist = made_from(facts, root)
    beside = backend != "python" and in_package(root, _text(root / "CMakeLists.txt"))
    tag = facts.python.tag if facts.python else ""
    metadata = {d.metadata for d in facts.distributions if d.metadata}
    return Folder(
        path=str(root),
        backend=backend,
        distribution=dist.name if dist else None,
        editable=dist.editable is not None if dist else beside,
        gpu_sources=sum(name.endswith(_GPU) for name in sources),
        host_sources=sum(name.endswith(_HOST) for name in sources),
        text=text,
        stale=tuple(str(p) for p in stale(root, tag, metadata)),
        in_source=beside or (root / "CMakeCache.txt").is_file(),
    )


def made_from(facts: Facts, root: Path) -> Distribution | None:
    """The installed distribution whose source the folder is, by its direct_url.json."""
    for dist in facts.distributions:
        place = dist.editable or _local(dist.direct_url)
        if place and os.path.realpath(place) == str(root):
            return dist
    return None


def _local(url: str | None) -> str | None:
    return unquote(url.removeprefix("file://")) if url and url.startswith("file:///") else None


def _backend(root: Path, text: str) -> Backend:
    python = (root / "setup.py").is_file() or (root / "pyproject.toml").is_file()
    cmake = (root / "CMakeLists.txt").is_file()
    if not python and not cmake:
        raise NotBuildable(f"{root} holds neither setup.py, pyproject.toml nor CMakeLists.txt")
    if not python:
        return "cmake"
    own = "\n".join(_text(root / name) for name in ("pyproject.toml", "setup.cfg"))
    alone = any(word in own for word in _CALLS_CMAKE) or setup_builds(_text(root / "setup.py"))
    return "cmake, then python" if cmake and not alone else "python"


def _text(path: Path) -> str:
    try:
        return read(path, _BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _sources(root: Path) -> Iterator[str]:
    """Names of the files."""

    def enters(name: str, depth: int) -> bool:
        return depth < _DEPTH and name not in _SKIP and name[0] != "."

    return (entry.name for entry in files_below(str(root), _FOLDERS, enters))


def files_below(
    root: str, most: int, enters: Callable[[str, int], bool]
) -> Iterator[os.DirEntry[str]]:
    """The files of at most so many folders; links are not followed, environments not entered.

    `enters`: whether to enter a folder, by its name and by how many folders lie above it.
    """
    queue, seen = [(root, 0)], 0
    while queue and seen < most:
        folder, depth = queue.pop()
        seen += 1
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        if any(entry.name == "pyvenv.cfg" for entry in listed):
            continue
        for entry in listed:
            if not entry.is_dir(follow_symlinks=False):
                yield entry
            elif enters(entry.name, depth):
                queue.append((entry.path, depth + 1))

"""Looks at a source folder: how it is built, what it compiles, from which installation it is known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from gpufix.buildenv.folder import Backend, Folder
from gpufix.engine.build_place import in_package
from gpufix.engine.build_setup import setup_builds
from gpufix.engine.build_stale import stale
from gpufix.facts.files import read
from gpufix.model import Distribution, Facts

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
    """Names of the files, in bounds; links are not followed, environments not entered."""
    queue, seen = [(str(root), 0)], 0
    while queue and seen < _FOLDERS:
        folder, depth = queue.pop()
        seen += 1
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError:
            continue
        if any(entry.name == "pyvenv.cfg" for entry in listed):
            continue
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEPTH and entry.name not in _SKIP and entry.name[0] != ".":
                    queue.append((entry.path, depth + 1))
            else:
                yield entry.name

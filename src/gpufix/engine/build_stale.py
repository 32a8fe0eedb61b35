"""What earlier builds left in a source folder, and what of it must go before the next one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from gpufix.facts.extension_names import foreign
from gpufix.facts.files import read

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

"""Extensions that torch compiled on demand (torch_extensions), their locks, and who holds them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import why
from gpufix.facts.lock_holders import Lock, holders
from gpufix.model import CacheEntry, Python, Torch

_ENTRIES = 2000  # a cache with more is cut, with a gap
_CACHE = "torch_extensions"


def collect(ctx: Context, python: Python | None, torch: Torch | None) -> list[CacheEntry]:
    """Every extension in the cache that the patient's torch would use, other keys' included.

    The folder's key (py311_cu128) tells for which Python and CUDA an extension was built.
    """
    root, keyed = cache_root(ctx)
    if not root.is_dir():
        return []
    found: list[CacheEntry] = []
    for key, folder in _extension_folders(ctx, root, keyed):
        if len(found) >= _ENTRIES:
            ctx.gap("caches", root, f"only the first {_ENTRIES} extensions were looked at")
            break
        found.append(_entry(ctx, key, folder, is_own(key, keyed, python, torch)))
    return found


def cache_root(ctx: Context) -> tuple[Path, bool]:
    """The cache's folder, and whether it has a level of keys such as py311_cu128.

    torch.utils.cpp_extension: TORCH_EXTENSIONS_DIR replaces the root and drops that level;
    otherwise the user's cache folder (torch._appdirs.user_cache_dir).
    """
    given = ctx.environ.get("TORCH_EXTENSIONS_DIR")
    if given:
        return Path(given), False
    base = ctx.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else ctx.home / ".cache") / _CACHE, True


def _extension_folders(ctx: Context, root: Path, keyed: bool) -> Iterator[tuple[str | None, Path]]:
    for folder in _folders(ctx, root):
        if keyed and folder.name.startswith("py"):
            yield from ((folder.name, inner) for inner in _folders(ctx, folder))
        else:
            yield None, folder


def _folders(ctx: Context, parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except OSError as error:
        ctx.gap("caches", parent, why(error))
        return []
    return [parent / name for name in names]


def is_own(key: str | None, keyed: bool, python: Python | None, torch: Torch | None) -> bool | None:
    """Whether the patient's torch would look under this key (cpp_extension._get_build_directory)."""
    if not keyed:
        return True
    if python is None or torch is None or torch.state != "ok":
        return None
    version = [int(part) for part in re.findall(r"\d+", torch.release or "")[:2]]
    tag = python.tag if version >= [2, 6] else python.tag.rstrip("t")
    if torch.hip and version >= [2, 11]:
        return key is not None and key.startswith(f"py{tag[2:]}_rocm")
    kind = "cu" + torch.cuda.replace(".", "") if torch.cuda else "cpu"
    return key == f"py{tag[2:]}_{kind}"


def _entry(ctx: Context, key: str | None, folder: Path, own: bool | None) -> CacheEntry:
    files = [*_files(ctx, folder)]
    locks = [f for f in files if f.name == "lock"]
    lock = Lock.of(locks[0], folder) if locks else None
    judged, pids = holders(ctx, lock) if lock else (True, [])
    return CacheEntry(
        cache=_CACHE,
        path=str(folder),
        name=folder.name,
        key=key,
        own=own,
        libraries=[str(f) for f in files if f.suffix == ".so"],
        lock=str(lock.path) if lock else None,
        lock_age=max(0.0, time.time() - lock.modified) if lock else None,
        lock_holders=pids,
        lock_judged=judged,
    )


def _files(ctx: Context, folder: Path) -> Iterator[Path]:
    """Files of an entry and of its folders one level down (StyleGAN keeps one for each hash)."""
    inner = _folders(ctx, folder)
    for place in (folder, *inner[:64]):
        try:
            with os.scandir(place) as entries:
                names = sorted(e.name for e in entries if e.is_file(follow_symlinks=False))
        except OSError as error:
            ctx.gap("caches", place, why(error))
            continue
        yield from (place / name for name in names)

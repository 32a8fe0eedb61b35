"""Keeps the bytes of what a step is about to touch: hard links where that is safe, else copies."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

from gpufix.engine.durable import make_folder, sync_folder
from gpufix.engine.errors import Refused
from gpufix.engine.listing import Entry, Listing
from gpufix.engine.scope import Scope

# No link is possible here: another file system, one without links, or too many of them already.
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}
_COPIED = 4 << 20  # bytes: larger files are linked unless a build makes them
_MADE = (".so", ".o", ".a", ".obj", ".d", ".log", ".ninja_log", ".ninja_deps")
# What builds and their generators open for writing; data sets beside them they do not.
_WRITTEN = """
.py .pyi .pyx .c .cc .cpp .cxx .cu .cuh .h .hpp .hip .in .txt .toml .cfg .ini .json .yaml .cmake
.ninja .make .mk .sh .rst .md .map .stamp
"""
_BUILD_FOLDERS = re.compile(r"(^|/)(build|dist|_skbuild|CMakeFiles|[^/]+\.egg-info)/|(^|/)\.git/")
_SYNCED_ONE_BY_ONE = 100


def keep(scope: Scope, listing: Listing, folder: Path) -> Listing:
    """Put every file of the listing into `folder` under its number; returns how each is kept.

    Raises OSError, and Refused for what can be neither linked nor copied (a socket).
    """
    make_folder(folder)
    kept: Listing = {}
    copies: list[Path] = []
    for number, (key, entry) in enumerate(listing.items()):
        kept[key] = entry
        if entry.kind not in ("file", "other"):
            continue
        target = folder / str(number)
        how = _keep_one(os.path.join(scope.path, key) if key else scope.path, target, entry, scope)
        kept[key] = entry._replace(kept=how)
        copies += [target] if how == "copy" else []
    _sync(copies)
    sync_folder(folder)
    return kept


def place(folder: Path, listing: dict[str, Entry | None]) -> dict[str, Path]:
    """Where the bytes of each kept entry lie."""
    return {
        key: folder / str(number)
        for number, (key, entry) in enumerate(listing.items())
        if entry is not None and entry.kept
    }


def _keep_one(path: str, target: Path, entry: Entry, scope: Scope) -> str:
    if scope.policy == "link" or not _may_be_written(path, entry):
        try:
            os.link(path, target, follow_symlinks=False)
            return "link"
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
    if entry.kind != "file":
        raise Refused(f"{path} is neither a file nor a link, and cannot be kept for undo")
    shutil.copyfile(path, target, follow_symlinks=False)
    os.utime(target, ns=(entry.mtime, entry.mtime))
    return "copy"


def _may_be_written(path: str, entry: Entry) -> bool:
    """Whether a step that can write into files may write into this one."""
    name = os.path.basename(path)
    if name.endswith(_MADE):
        return True
    plain = "." not in name or os.path.splitext(name)[1] in _WRITTEN.split()
    return entry.size <= _COPIED and (plain or _BUILD_FOLDERS.search(path) is not None)


def _sync(copies: list[Path]) -> None:
    if len(copies) > _SYNCED_ONE_BY_ONE:
        os.sync()
        return
    for path in copies:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

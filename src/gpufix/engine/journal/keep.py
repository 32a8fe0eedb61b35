"""Keeps the bytes of what a step is about to touch: hard links where that is safe, else copies."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from gpufix.engine.journal.listing import ListedEntry, Listing, Scope, look
from gpufix.engine.journal.lock import make_folder, sync_folder
from gpufix.engine.run_context import Refused

# No link is possible here: another file system, one without links, or too many of them already.
NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}
_COPIED = 4 << 20  # bytes: larger files are linked unless a build makes them
_MADE = (".so", ".o", ".a", ".obj", ".d", ".log", ".ninja_log", ".ninja_deps")
# What builds and their generators open for writing; data sets beside them they do not.
_WRITTEN = """
.py .pyi .pyx .c .cc .cpp .cxx .cu .cuh .h .hpp .hip .in .txt .toml .cfg .ini .json .yaml .cmake
.ninja .make .mk .sh .rst .md .map .stamp
"""
_BUILD_FOLDERS = re.compile(r"(^|/)(build|dist|_skbuild|CMakeFiles|[^/]+\.egg-info)/|(^|/)\.git/")
_PATHS = ".pth"  # the installed files that setuptools and build code write into
_SYNCED_ONE_BY_ONE = 100


def keep(scope: Scope, listing: Listing, folder: Path) -> Listing:
    """Put every file of the listing into `folder` under its number; returns how each is kept.

    Raises OSError, and Refused for what can be neither linked nor copied (a socket).
    """
    make_folder(folder)
    kept: Listing = {}
    copies: list[str] = []
    for key, entry in listing.items():
        if entry.is_dir or (entry.kind == "link" and entry.links == 1):
            kept[key] = entry
            continue
        path, target = scope.at(key), f"{folder}/{len(kept)}"
        try:
            how = _keep_one(path, target, entry, scope)
        except FileNotFoundError:  # somebody has removed it since it was listed
            if os.path.lexists(path):
                raise
            continue
        kept[key] = _as_kept(entry, target, how)
        copies += [target] if how == "copy" else []
    _settle(scope, kept)
    _sync(copies)
    sync_folder(folder)
    return kept


def twin(copy: str) -> str:
    """Where a link to the original lies beside its copy, if it has other names as well."""
    return f"{copy}.link"


def place(folder: Path, listing: Mapping[str, ListedEntry | None]) -> dict[str, str]:
    """Where the bytes of each kept entry lie."""
    return {
        key: f"{folder}/{number}"
        for number, (key, entry) in enumerate(listing.items())
        if entry is not None and entry.kept
    }


def _keep_one(path: str, target: str, entry: ListedEntry, scope: Scope) -> str:
    if not _may_be_written(path, entry, scope) and _linked(path, target):
        return "link"
    if entry.kind == "link":
        return ""  # its target is known; only that it has other names is lost
    if entry.kind != "file":
        raise Refused(f"{path} is neither a file nor a link, and cannot be kept for undo")
    shutil.copyfile(path, target, follow_symlinks=False)
    os.utime(target, ns=(entry.mtime, entry.mtime))
    if entry.links > 1:
        _linked(path, twin(target))
    return "copy"


def _as_kept(entry: ListedEntry, target: str, how: str) -> ListedEntry:
    """The entry of what is kept: somebody may have written it since it was listed."""
    if how and entry.kind == "file":
        status = os.lstat(target)
        if status.st_size != entry.size or (
            how == "link" and (status.st_ino, status.st_mtime_ns) != (entry.inode, entry.mtime)
        ):
            now = look(target)
            assert now is not None
            entry = now if how == "link" else entry._replace(size=now.size)
        elif how == "link":
            return entry.as_kept(how, status.st_ctime_ns)  # that link has moved it
    return entry._replace(kept=how)


def _linked(path: str, target: str) -> bool:
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        return False
    return True


def _settle(scope: Scope, kept: Listing) -> None:
    """Links moved the change times by which a copied file that is written in place is told."""
    for key, entry in kept.items():
        if entry.kept == "copy" and entry.links > 1:
            now = look(scope.at(key))
            kept[key] = entry._replace(ctime=now.ctime if now else entry.ctime)


def _may_be_written(path: str, entry: ListedEntry, scope: Scope) -> bool:
    """Whether a step may write into this file, rather than replace it."""
    if entry.kind != "file":
        return False
    if scope.policy == "link":
        return path.endswith(_PATHS)
    name = os.path.basename(path)
    if name.endswith(_MADE):
        return True
    plain = "." not in name or os.path.splitext(name)[1] in _WRITTEN.split()
    return entry.size <= _COPIED and (plain or _BUILD_FOLDERS.search(path) is not None)


def _sync(copies: list[str]) -> None:
    if len(copies) > _SYNCED_ONE_BY_ONE:
        os.sync()
        return
    for path in copies:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

"""JIT caches with their locks, and which processes hold those."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read, why
from gpufix.frozen import Frozen
from gpufix.model import CacheEntry, Python, Torch

_PROCESSES = 20_000
_DESCRIPTORS = 4096  # of one process
_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of the kernel
_BUILDERS = (b"python", b"ninja", b"nvcc", b"cicc", b"cc1", b"clang", b"hipcc", b"torch")
_REMOTE = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "afs",
    "9p",
    "virtiofs",
}


class Lock(Frozen):
    """A lock file in an extension's build folder. `modified` in seconds since the epoch."""

    path: Path
    folder: Path
    identity: tuple[int, int]
    owner: int
    modified: float

    @staticmethod
    def of(path: Path, folder: Path) -> Lock | None:
        """`None` when it is gone already."""
        try:
            status = path.lstat()
        except OSError:
            return None
        identity = (status.st_dev, status.st_ino)
        return Lock(path, folder.resolve(), identity, status.st_uid, status.st_mtime)


def holders(ctx: CollectContext, lock: Lock) -> tuple[bool, list[int]]:
    """(judged, pids): processes that hold the file open, stand in its folder or build there.

    FileBaton keeps the lock file open while it holds it, so the descriptor alone is proof; a
    ninja or nvcc that outlived its parent still writes the files, and counts as well. Not judged:
    a process of the lock's owner could not be read, or could run where it is not seen (another
    machine on a network file system; outside this container).
    """
    if not _all_visible(ctx, lock):
        return False, []
    try:
        pids = sorted(int(p.name) for p in ctx.at("/proc").iterdir() if p.name.isdecimal())
    except OSError:
        return False, []
    judged, found = 0 < len(pids) <= _PROCESSES, []
    for pid in pids[:_PROCESSES]:
        if pid == os.getpid():
            continue
        holds = _holds(ctx.at(f"/proc/{pid}"), lock)
        if holds:
            found.append(pid)
        judged = judged and holds is not None
    return judged or bool(found), found


def _holds(process: Path, lock: Lock) -> bool | None:
    """`None` when this process could hold it but cannot be read."""
    try:
        if _builds_in(process, lock.folder):
            return True
        for count, descriptor in enumerate((process / "fd").iterdir()):
            if count >= _DESCRIPTORS:
                return None
            if _identity(descriptor) == lock.identity:
                return True
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return False
    except OSError:
        return None if _could_own(process, lock) and _could_build(process) else False
    return False


def _could_build(process: Path) -> bool:
    """Whether a process that hides its files can be a build: torch's lock is held by a Python.

    Its command line is open to all; an empty one (it is gone, or hides that too) tells nothing.
    """
    command = read(process / "cmdline", 1 << 20).lower()
    return not command or any(word in command for word in _BUILDERS)


def _builds_in(process: Path, folder: Path) -> bool:
    if folder in (cwd := process.joinpath("cwd").readlink(), *cwd.parents):
        return True
    return os.fsencode(folder) + b"/" in read(process / "cmdline", 1 << 20)


def _could_own(process: Path, lock: Lock) -> bool:
    """Another user's process makes files of that user: it did not make this one.

    Processes that forbid to be looked at (ssh-agent) appear as root's; a build is none of those,
    nor is an init that is more privileged than root here.
    """
    try:
        if process.name == "1" and b"python" not in read(process / "cmdline", 4096):
            return False
        return process.stat().st_uid == lock.owner
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _identity(descriptor: Path) -> tuple[int, int] | None:
    try:
        status = descriptor.stat()
    except OSError:  # closed meanwhile, or a pipe of another namespace
        return None
    return status.st_dev, status.st_ino


def _all_visible(ctx: CollectContext, lock: Lock) -> bool:
    """Whether every process that can reach the file is in this /proc."""
    try:
        initial = str(ctx.at("/proc/self/ns/pid").readlink()) == _INITIAL_PID_NAMESPACE
        mount, kind = _mount(read(ctx.at("/proc/self/mountinfo"), 4 << 20), lock.folder)
    except OSError:
        return False
    # In a container, the root file system is its own; a volume may be shared with others.
    return kind not in _REMOTE and not kind.startswith("fuse") and (initial or mount == "/")


def _mount(table: bytes, path: Path) -> tuple[str, str]:
    """Mount point and file system type of a path (proc(5), mountinfo)."""
    best, kind = "", "unknown"
    for line in table.decode("utf-8", "replace").splitlines():
        left, _, right = line.partition(" - ")
        fields, types = left.split(), right.split()
        if len(fields) < 5 or not types:
            continue
        point = fields[4].replace("\\040", " ")
        if len(point) >= len(best) and Path(point) in (path, *path.parents):
            best, kind = point, types[0]
    return best, kind


_ENTRIES = 2000  # a cache with more is cut, with a gap
_CACHE = "torch_extensions"


def collect(ctx: CollectContext, python: Python | None, torch: Torch | None) -> list[CacheEntry]:
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


def cache_root(ctx: CollectContext) -> tuple[Path, bool]:
    """The cache's folder, and whether it has a level of keys such as py311_cu128.

    torch.utils.cpp_extension: TORCH_EXTENSIONS_DIR replaces the root and drops that level;
    otherwise the user's cache folder (torch._appdirs.user_cache_dir).
    """
    given = ctx.environ.get("TORCH_EXTENSIONS_DIR")
    if given:
        return Path(given), False
    base = ctx.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else ctx.home / ".cache") / _CACHE, True


def _extension_folders(
    ctx: CollectContext, root: Path, keyed: bool
) -> Iterator[tuple[str | None, Path]]:
    for folder in _folders(ctx, root):
        if keyed and folder.name.startswith("py"):
            yield from ((folder.name, inner) for inner in _folders(ctx, folder))
        else:
            yield None, folder


def _folders(ctx: CollectContext, parent: Path) -> list[Path]:
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


def _entry(ctx: CollectContext, key: str | None, folder: Path, own: bool | None) -> CacheEntry:
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


def _files(ctx: CollectContext, folder: Path) -> Iterator[Path]:
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

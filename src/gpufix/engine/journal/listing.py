"""The state of a scope before and after a step, and the difference."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gpufix import files
from gpufix.engine.journal.lock import write_new
from gpufix.engine.run_context import CorruptJournal, Refused
from gpufix.frozen import Frozen

Policy = Literal["link", "copy"]


class Scope(Frozen):
    """A path that need not exist, and everything below it. The engine keeps its state before.

    `policy`: "link" when the step only unlinks or replaces files, "copy" when it can write into
    them. `near`: a folder on the same file system, for links when the state directory is on
    another one.
    """

    path: str
    policy: Policy = "link"
    only: tuple[str, ...] | None = None  # names directly below `path` that belong to it
    skip: tuple[str, ...] = ()  # names at any depth that do not, in folders that were there before
    outside: tuple[str, ...] = ()  # whole paths below it that do not: gpufix's own state
    environments: bool = True  # False = virtual environments below it do not belong to it
    near: str | None = None
    follow: bool = False  # programs may write through links in it, into folders elsewhere
    # Set for a folder that is reached by this link alone, and may be another environment's: it is
    # kept too, and a step that has changed it fails.
    through: str | None = None

    def at(self, key: str) -> str:
        """The absolute path of a listing's key."""
        if key == PARENT:
            return os.path.dirname(self.path)
        return f"{self.path}/{key}" if key else self.path

    def within(self, roots: Sequence[str]) -> bool:
        """Whether it, or the link by which it is reached, is one of these paths or below one."""
        path = self.path if self.through is None else self.through
        return any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in roots)

    def record(self) -> dict[str, Any]:
        """For the journal."""
        return asdict(self)

    @classmethod
    def of(cls, row: dict[str, Any]) -> Scope:
        """From the journal."""
        only = row["only"]
        return cls(
            **{
                **row,
                "only": None if only is None else tuple(only),
                "skip": tuple(row["skip"]),
                "outside": tuple(row["outside"]),
            }
        )


Kind = Literal["file", "dir", "link", "other"]
PARENT = ".."  # the key of the folder that holds the scope; of that, only the times matter
KEPT_PREFIX = ".gpufix-kept-"
_STASH = "~"  # pip renames a folder that it removes to ~older, beside it
_LIMIT = 2_000_000  # entries of one scope
_SAVED = 2 << 30  # bytes of a listing


class ListedEntry(NamedTuple):
    """One directory entry, never followed. Times in nanoseconds."""

    kind: Kind
    mode: int
    size: int
    mtime: int
    ctime: int
    inode: int
    device: int
    target: str | None  # of a symbolic link
    kept: str  # "": not kept; "link" or "copy": how its bytes are kept
    links: int = 1  # names of this file, here and elsewhere
    owner: str = ""  # "uid:gid", "" in a listing of an older gpufix
    attributes: str = ""  # extended ones that users set, and access control lists, as JSON

    @property
    def is_dir(self) -> bool:
        """A folder, and no link to one."""
        return self.kind == "dir"

    def as_kept(self, how: str, ctime: int) -> ListedEntry:
        """The entry with these; `_replace` takes five times as long."""
        return ListedEntry(*self[:4], ctime, *self[5:8], how, *self[9:])


Listing = dict[str, ListedEntry]  # path below the scope ("" = the scope itself) -> entry
_NOTHING: Mapping[str, ListedEntry | None] = {}


def look(path: str, known: ListedEntry | None = None, settled: int = 0) -> ListedEntry | None:
    """The entry at a path, None when there is none. Raises OSError for what cannot be looked at.

    `known`: what was there. It is the answer as long as its change time is the same and older than
    `settled`: every change of a file since moves that time.
    """
    try:
        status = os.lstat(path)
        if (
            known is not None
            and settled > known.ctime == status.st_ctime_ns
            and known.inode == status.st_ino
            and known.device == status.st_dev
        ):
            return known
        return _entry(path, status)
    except (FileNotFoundError, NotADirectoryError):
        return None


def take(
    scope: Scope, known: Mapping[str, ListedEntry | None] = _NOTHING, settled: int = 0
) -> Listing:
    """The present state of a scope; `known` and `settled` as for `look`.

    `known` is the state before a step, empty where this is to be that. Raises OSError and Refused:
    what cannot be looked at, or is too much, cannot be kept.
    """
    found: Listing = {}
    parent = look(os.path.dirname(scope.path))
    if parent is not None:
        found[PARENT] = parent
    root = look(scope.path)
    if root is None:
        return found
    found[""] = root
    queue = [""] if root.is_dir else []
    while queue:
        if len(found) > _LIMIT:
            raise Refused(f"{scope.path} holds more than {_LIMIT} files: too many to be kept")
        folder = queue.pop()
        for name, path in _children(scope, folder, bool(known) and folder not in known):
            below = f"{folder}/{name}" if folder else name
            entry = look(path, known.get(below), settled)
            if entry is None:  # somebody has just removed it
                continue
            found[below] = entry
            if entry.kind == "dir":
                queue.append(below)
    return found


def _children(scope: Scope, folder: str, new: bool) -> Iterator[tuple[str, str]]:
    place = os.path.join(scope.path, folder) if folder else scope.path
    try:
        names = sorted(os.listdir(place))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if covers(scope, folder, name, new):
            yield name, f"{place}/{name}"


def covers(scope: Scope, folder: str, name: str, new: bool = False) -> bool:
    """Whether a name in a folder of the scope ("" = its top) belongs to it.

    `new`: a step has made that folder. What lies in it came with it, a clone's .git too.
    """
    if name.startswith(KEPT_PREFIX) or (name in scope.skip and not new):
        return False
    named = scope.only is None or name in scope.only or name.startswith(_STASH)
    if not folder and not named:
        return False
    path = f"{scope.path}/{folder}/{name}" if folder else f"{scope.path}/{name}"
    if path in scope.outside:
        return False
    return scope.environments or new or not _is_environment(path)


def _is_environment(path: str) -> bool:
    """A virtual environment, and no folder that merely holds a file of that name."""
    return os.path.lexists(f"{path}/pyvenv.cfg") and os.path.lexists(f"{path}/bin/python")


def _entry(path: str, status: os.stat_result) -> ListedEntry:
    kind = _kind(status.st_mode)
    return ListedEntry(  # by position: this is made for every file of an environment
        kind,
        status.st_mode & 0o7777,
        status.st_size if kind == "file" else 0,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
        os.readlink(path) if kind == "link" else None,
        "",
        status.st_nlink,
        f"{status.st_uid}:{status.st_gid}",
        _extended(path),
    )


_EXTENDED = ("user.", "system.posix_acl_")
MARK = "user.gpufix.run"  # gpufix's own, on the folders of a run that is not finished


def _extended(path: str) -> str:
    """The extended attributes that belong to a user, "" for none."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        if not names:
            return ""
        held = {
            n: os.getxattr(path, n, follow_symlinks=False).hex()
            for n in names
            if n.startswith(_EXTENDED) and n != MARK
        }
    except (OSError, AttributeError):  # a file system without them; not Linux
        return ""
    return json.dumps(held, sort_keys=True) if held else ""


def set_attributes(path: str, entry: ListedEntry, times: bool = True) -> None:
    """Give a path the owner, extended attributes, mode and time of an entry. Raises OSError."""
    now = look(path)
    if now is None:
        return
    if entry.owner and now.owner != entry.owner:
        uid, gid = map(int, entry.owner.split(":"))
        os.chown(path, uid, gid, follow_symlinks=False)
    if entry.owner and now.attributes != entry.attributes:
        _set_extended(path, now, entry)
    if entry.kind != "link" and (now.mode, now.owner) != (entry.mode, entry.owner):
        os.chmod(path, entry.mode)  # chown takes set-user-ID bits away
    if times and now.mtime != entry.mtime:
        os.utime(path, ns=(entry.mtime, entry.mtime), follow_symlinks=False)


def _set_extended(path: str, now: ListedEntry, entry: ListedEntry) -> None:
    has, wanted = (json.loads(e.attributes or "{}") for e in (now, entry))
    for name in has.keys() - wanted.keys():
        os.removexattr(path, name, follow_symlinks=False)
    for name, value in wanted.items():
        os.setxattr(path, name, bytes.fromhex(value), follow_symlinks=False)


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "dir"
    return "link" if stat.S_ISLNK(mode) else "other"


def leading_out(scope: Scope, listing: Listing, roots: Sequence[str]) -> Iterator[Scope]:
    """The folders outside `roots` that links in a scope lead to."""
    for key, entry in listing.items():
        if entry.kind != "link" or not key:
            continue
        link = scope.at(key)
        real = os.path.realpath(link)
        inside = any(real == root or real.startswith(f"{root.rstrip('/')}/") for root in roots)
        if not inside and os.path.isdir(real) and os.access(real, os.W_OK):
            yield Scope(real, near=real, through=link)


def save(path: Path, listing: dict[str, ListedEntry | None]) -> str:
    """Write a listing and sync it; returns its SHA-256."""
    data = json.dumps(listing).encode()  # all at once: four times as fast as one by one
    write_new(path, data)
    return hashlib.sha256(data).hexdigest()


def load(path: Path, digest: str) -> dict[str, ListedEntry | None]:
    """Read a listing back. Raises Corrupt when it is not the one that was written."""
    try:
        data = files.read_whole(path, _SAVED)
    except OSError as error:
        raise CorruptJournal(f"{path} cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise CorruptJournal(f"{path} is not what was written")
    try:
        if data.startswith(b"{"):
            rows = json.loads(data).items()
        else:  # an older gpufix wrote a line for each
            rows = [json.loads(line) for line in data.splitlines()]
        return {key: None if entry is None else ListedEntry(*entry) for key, entry in rows}
    except (ValueError, TypeError, RecursionError):
        raise CorruptJournal(f"{path} is no listing that this gpufix reads") from None


States = Mapping[str, ListedEntry | None]


def changed(before: States, after: States) -> list[str]:
    """The keys whose state differs; times of folders count."""
    keys = dict.fromkeys([*before, *after])
    return [k for k in keys if not equal(before.get(k), after.get(k), times=True)]


def equal(
    before: ListedEntry | None,
    after: ListedEntry | None,
    times: bool = False,
    identity: bool = True,
) -> bool:
    """Whether two states of one path are the same, as far as the file system tells.

    `times`: of folders as well. `identity`: a file with another inode is another one; overlay file
    systems give a file a new inode number when they are mounted again. A copied file that was
    written in place is told by its change time; a linked one's is moved by the link itself.
    """
    if before is after or before is None or after is None:
        return before is after
    if before[:3] != after[:3] or before.target != after.target:  # kind, mode and size
        return False
    if before.owner and after.owner and before[-2:] != after[-2:]:  # owner and attributes
        return False
    if before.is_dir:
        return not times or before.mtime == after.mtime
    if before.kind == "link":
        return not identity or before.inode == after.inode
    if before.mtime != after.mtime or (identity and before.inode != after.inode):
        return False
    return before.kept != "copy" or not identity or before.ctime == after.ctime


TEMPORARY = ".gpufix-tmp"  # the name under which gpufix restores a file, and
NEW = ".gpufix-new"  # the ending of that under which it writes one, before it is renamed


def matters(key: str) -> bool:
    """Whether a later change of this path speaks against an undo: bytecode comes and goes."""
    ours = key.endswith((TEMPORARY, NEW))
    return key != PARENT and not ours and not key.endswith((".pyc", "__pycache__"))

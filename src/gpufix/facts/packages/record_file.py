"""RECORD held against the files that it names, and files that several distributions own."""

from __future__ import annotations

import base64
import csv
import errno
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read_whole, text, why
from gpufix.files import Folder, opened_folder, stat_in
from gpufix.files import opened as opened_file
from gpufix.frozen import Frozen
from gpufix.model import Record, SharedFile

_ALGORITHMS = {"sha256", "sha384", "sha512"}  # what the specification of RECORD allows
_CHUNK = 1 << 20


class Budget:
    """How many bytes may still be hashed; `None` = all."""

    def __init__(self, size: int | None):
        self._left = size

    def take(self, size: int) -> bool:
        """Whether `size` more bytes may be hashed; if so they are spent."""
        if self._left is None:
            return True
        if size > self._left:
            return False
        self._left -= size
        return True


def matches(path: str, recorded: str, dir_fd: Folder | None = None) -> bool | None:
    """Whether a file has the hash `sha256=<urlsafe base64>`; None when the hash is of no such form.

    Raises OSError.
    """
    algorithm, _, expected = recorded.partition("=")
    if algorithm not in _ALGORITHMS or not expected:
        return None
    digest = hashlib.new(algorithm)
    with opened_file(path, dir_fd) as descriptor:
        while chunk := os.read(descriptor, _CHUNK):
            digest.update(chunk)
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=") == expected.rstrip("=")


LISTED = 20  # exceptions named; the counts are whole
_LIMIT = 64 << 20
# What Git LFS leaves in a file's place: three lines, shorter than 1024 bytes (its specification).
_POINTER, _POINTER_LIMIT = b"version https://git-lfs.github.com/spec/v1\n", 1024
_ENTRIES = 100_000  # each costs a look at the disk; ansible, one of the largest wheels, has 75,000
_SLACK = 2.0  # seconds after RECORD within which an installer may still be writing
_LIBRARY = re.compile(r"\.so|\.(?:dll|pyd)$", re.IGNORECASE)
_BY_HAND = ("torch/utils/cpp_extension.py", "torch/utils/hipify/")
_NOTES = ("/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json")
_BY_HAND_BUDGET = 16 << 20  # bytes: forty times what torch has of these
_OPENING = 8192  # what opening a file costs, in hashed bytes


class Site(Frozen):
    """An open site folder. `root` bounds what `..` in a RECORD may reach, None = nothing.

    `others`: further folders of sys.path, where a package may lie that is not in this one.
    """

    location: str
    fd: Folder
    root: str | None
    others: tuple[str, ...] = ()

    def elsewhere(self, path: str) -> bool:
        """Whether a file that is not here is imported from another folder: its package lies there.

        A distribution that splits lib and lib64 leaves what is pure Python in the one.
        """
        top = path.partition("/")[0]
        if os.path.lexists(f"{self.location}/{top}"):
            return False
        return any(os.path.lexists(f"{other}/{path}") for other in self.others)


@dataclass
class Recorded:
    """What the check of one RECORD found, and what the search for shared files needs of it."""

    path: str
    files: int = 0
    missing: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)  # that hold its files, below the site folder
    loose: dict[str, tuple[str, str]] = field(default_factory=dict)  # others: path -> hash, size
    suspects: list[tuple[str, str, int]] = field(default_factory=list)  # path, hash, size
    unseen: str | None = None  # why a file could not be looked at
    strange: int = 0  # entries that are malformed or lead out of the prefix

    def differs(self, path: str) -> None:
        """Note an altered file, unless it is one that installers rewrite."""
        if not path.endswith(_NOTES):
            self.altered.append(path)

    def summary(self) -> Record:
        """For the facts."""
        return Record(
            files=self.files,
            missing=named(self.missing),
            altered=[text(path) for path in self.altered[:LISTED]],
            missing_count=len(self.missing),
            altered_count=len(self.altered),
            pointers=[text(path) for path in self.pointers[:LISTED]],
            emptied=[text(path) for path in self.emptied[:LISTED]],
        )


def named(missing: list[str]) -> list[str]:
    """The missing files that are named: libraries before what would push them out of the list."""
    ordered = sorted(missing, key=lambda path: not _LIBRARY.search(path.rpartition("/")[2]))
    return [text(path) for path in ordered[:LISTED]]


@contextmanager
def opened(location: str, root: str | None, others: Iterable[str] = ()) -> Iterator[Site]:
    """A site folder whose files are looked up relative to it. Raises OSError."""
    with opened_folder(location) as folder:
        yield Site(location, folder, root, tuple(o for o in others if o != location))


def rows(site: Site, path: str) -> Iterator[Sequence[str]]:
    """(path, hash, size) of every line; a malformed one leads to "/". Raises OSError, csv.Error."""
    lines = read_whole(path, _LIMIT, site.fd).decode("utf-8", "surrogateescape")
    for line in lines.split("\n", _ENTRIES):
        parts = line.rsplit(",", 2) if line[:1] != '"' else next(csv.reader([line]))
        if len(parts) == 3 and parts[0]:
            yield parts
        elif line.strip():
            yield "/", "", ""


def check(ctx: CollectContext, site: Site, path: str, budget: Budget) -> Recorded | None:
    """Check the RECORD at `path`, relative to the site folder. None and a gap when unreadable."""
    found = Recorded(path)
    try:
        written = stat_in(site.fd, path).st_mtime
        _look(site, found, float("-inf") if ctx.deep else written + _SLACK)
    except (OSError, csv.Error) as error:
        ctx.gap("distributions", text(f"{site.location}/{path}"), f"cannot be read: {why(error)}")
        return None
    if 2 * found.strange > found.files:
        ctx.gap("distributions", text(f"{site.location}/{path}"), "is not a RECORD")
        return None
    _hash(site, found, budget)
    if found.strange:
        reason = f"{found.strange} entries are malformed or lead out of the environment"
        ctx.gap("distributions", text(f"{site.location}/{path}"), reason)
    if found.unseen:
        ctx.gap("distributions", text(f"{site.location}/{path}"), found.unseen)
    return found


def _look(site: Site, found: Recorded, newest: float) -> None:
    """Existence and size of every file. `gpufix doctor` spends much of its time in this loop."""
    fd, last = site.fd, ""
    for path, digest, size in rows(site, found.path):
        if found.files == _ENTRIES:
            found.unseen = f"it has more than {_ENTRIES:,} entries: the others were not looked at"
            break
        found.files += 1
        # virtualenv records the folders of caches, too.
        if path.endswith((".pyc", "/__pycache__")) or (
            (path[0] == "/" or ".." in path) and not _inside(site, found, path)
        ):
            continue
        folder, slash, _ = path.rpartition("/")
        if not slash or path[0] == ".":
            found.loose[path] = (digest, size)
        elif folder != last:
            found.folders.add(folder)
            last = folder
        try:
            status = stat_in(fd, path)
        except (OSError, ValueError) as error:
            if not (gone(error) and site.elsewhere(path)):
                _absent(found, path, error)
            continue
        wanted = size.rstrip("\r")  # virtualenv writes its own row, without a size, with CRLF
        if wanted and str(status.st_size) != wanted:
            found.differs(path)
            if status.st_size == 0:
                found.emptied.append(path)
            elif status.st_size <= _POINTER_LIMIT and _is_pointer(path, fd):
                found.pointers.append(path)
        elif digest and (status.st_mtime > newest or path.startswith(_BY_HAND)):
            found.suspects.append((path, digest, status.st_size))


def _is_pointer(path: str, fd: Folder) -> bool:
    try:
        return read_whole(path, _POINTER_LIMIT, fd).startswith(_POINTER)
    except (OSError, ValueError):
        return False


def _inside(site: Site, found: Recorded, path: str) -> bool:
    """Whether an entry with `..` or a leading slash stays within the environment."""
    if not path.startswith("/"):
        if ".." not in path.split("/"):
            return True
        if site.root is None:  # `pip install --target` puts scripts elsewhere than it records
            return False
        if Path(os.path.normpath(f"{site.location}/{path}")).is_relative_to(site.root):
            return True
    found.strange += 1
    return False


def gone(error: BaseException) -> bool:
    """Whether a look-up failed because there is no such file, not because we may not look."""
    absent = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    return isinstance(error, OSError) and error.errno in absent


def _absent(found: Recorded, path: str, error: OSError | ValueError) -> None:
    if path.endswith(_NOTES):
        return
    if not path.isprintable():  # no installer writes such a name
        found.strange += 1
        return
    if gone(error):
        found.missing.append(path)
    elif isinstance(error, OSError):
        found.unseen = f"{text(path)} cannot be looked at: {why(error)}"
    else:
        found.strange += 1


def _hash(site: Site, found: Recorded, budget: Budget) -> None:
    """Hash what may have been edited; small files first, since those are what people edit."""
    by_hand = Budget(_BY_HAND_BUDGET)
    for path, digest, size in sorted(found.suspects, key=lambda suspect: suspect[2]):
        allowance = by_hand if path.startswith(_BY_HAND) else budget
        if not allowance.take(size + _OPENING):
            continue
        try:
            if matches(path, digest, site.fd) is False:
                found.differs(path)
        except OSError as error:
            found.unseen = f"{text(path)} cannot be read: {why(error)}"


SHARED_LISTED = 200
_BUDGET = 512 << 20  # bytes hashed to tell whose file is there
_BY_SIZE = 8 << 20  # above this, a size that only one owner recorded is proof enough


class Owner(Frozen):
    """One distribution's claim on a file."""

    name: str
    digest: str
    size: str


def find(site: Site, recorded: Sequence[tuple[str, Recorded]], deep: bool) -> list[SharedFile]:
    """Shared files of one site folder: those whose recorded hashes or sizes differ, and those now gone.

    `recorded` pairs a distribution's name with its checked RECORD. Healthy wheels share equal
    files (an empty nvidia/__init__.py): these are not listed.
    """
    budget = Budget(None if deep else _BUDGET)
    listed = []
    altered = {(name, path) for name, found in recorded for path in found.altered}
    for path, owners in sorted(_claims(site, recorded).items()):
        if len({owner.name for owner in owners}) < 2:
            continue
        # Some RECORDs have sizes alone.
        differ = any(
            len(said - {""}) > 1 for said in ({o.digest for o in owners}, {o.size for o in owners})
        )
        holder = _holder(site, path, owners, budget) if differ else _presence(site, path)
        mute = [owner.name for owner in owners if not (owner.digest or owner.size)]
        if len(mute) == 1 and any((owner.name, path) in altered for owner in owners):
            differ, holder = True, mute[0]  # not the other's bytes
        if differ or holder == "missing":
            names = sorted({owner.name for owner in owners})
            listed.append(SharedFile(path=text(path), owners=names, differ=differ, holder=holder))
        if len(listed) == SHARED_LISTED:
            break
    return [*listed, *_behind(site, recorded)]


def _behind(site: Site, recorded: Sequence[tuple[str, Recorded]]) -> Iterator[SharedFile]:
    """Modules that another distribution's package of the same name hides: Python takes `x/` before `x.py`."""
    packages = {folder: name for name, found in recorded for folder in found.folders}
    for name, found in recorded:
        for path in found.loose:
            module, _, ending = path.rpartition(".")
            holder, package = packages.get(module, name), f"{module}/__init__.py"
            hides = ending == "py" and holder != name and module not in found.folders
            if hides and not (_presence(site, package) or _presence(site, path)):
                yield SharedFile(
                    path=text(path),
                    owners=sorted((name, holder)),
                    differ=True,
                    holder=holder,
                    behind=text(package),
                )


def _claims(site: Site, recorded: Sequence[tuple[str, Recorded]]) -> dict[str, list[Owner]]:
    """Files in folders that more than one distribution uses: only their RECORDs are read again."""
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name, found in recorded:
        for folder in found.folders:
            users[folder].add(name)
    common = {folder for folder, names in users.items() if len(names) > 1}
    claims: defaultdict[str, list[Owner]] = defaultdict(list)
    for name, found in recorded:
        for path, (digest, size) in found.loose.items():
            claims[path].append(Owner(name, digest, size))
        if common.isdisjoint(found.folders):
            continue
        for path, digest, size in rows(site, found.path):
            if path.rpartition("/")[0] in common and not path.endswith(".pyc"):
                claims[path].append(Owner(name, digest, size.rstrip("\r")))
    return claims


def _presence(site: Site, path: str) -> str | None:
    try:
        stat_in(site.fd, path)
    except (OSError, ValueError) as error:
        return "missing" if gone(error) else None
    return None


def _holder(site: Site, path: str, owners: Sequence[Owner], budget: Budget) -> str | None:
    """Whose bytes are there now: an owner, "missing", or None = nobody's, or not told."""
    try:
        size = stat_in(site.fd, path).st_size
        fitting = [owner for owner in owners if owner.size in ("", str(size))]
        if len({owner.digest for owner in fitting}) == 1 and size > _BY_SIZE:
            return fitting[0].name
        if len(fitting) == 1 and not fitting[0].digest:
            return fitting[0].name
        if not fitting or not budget.take(size * len(fitting)):
            return None
        return next((o.name for o in fitting if matches(path, o.digest, site.fd)), None)
    except (OSError, ValueError) as error:
        return "missing" if gone(error) else None

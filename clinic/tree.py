"""What a repair changed: a patient's files before and after."""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from clinic.patient import Patient


class Print(NamedTuple):
    """What a path is; `seen`: inode, size and time of a file."""

    what: str
    seen: tuple[int, ...] = ()


Prints = dict[str, Print]
CACHES = re.compile(r"(^|/)(__pycache__|\.cache)(/|$)")


def prints(patient: Patient, known: Prints | None = None) -> Prints:
    """Every path of prefix and project with its kind, mode and content.

    `known`: earlier prints; a file that is the same one, of the same size and time, is not read again.
    """
    return {key: _print(path, (known or {}).get(key), read=True) for key, path in _paths(patient)}


def glance(patient: Patient) -> Prints:
    """The same without content: what a tool that only looks has changed is told by sizes and times."""
    return {key: _print(path, None, read=False) for key, path in _paths(patient)}


def _paths(patient: Patient) -> Iterator[tuple[str, Path]]:
    for top in (patient.prefix, patient.project):
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                path = Path(folder, name)
                key = path.relative_to(patient.root).as_posix()
                if not CACHES.search(key):
                    yield key, path


def _print(path: Path, known: Print | None, *, read: bool) -> Print:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return Print(f"link {path.readlink()}")
    mode = oct(status.st_mode & 0o7777)
    if not stat.S_ISREG(status.st_mode):
        return Print(f"other {mode}")
    seen = (status.st_ino, status.st_size, status.st_mtime_ns)
    if not read:
        return Print(f"file {mode} {seen}", seen)
    if known and known.seen == seen:
        return Print(f"file {mode} {known.what.split()[-1]}", seen)
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Print(f"file {mode} {digest.hexdigest()}", seen)


def changed(before: Prints, after: Prints) -> list[str]:
    """Paths that differ in kind, mode or content."""
    none = Print("nothing")
    every = before.keys() | after.keys()
    return sorted(k for k in every if before.get(k, none).what != after.get(k, none).what)


def written_in_place(before: Prints, after: Prints) -> list[str]:
    """Files that are the same ones and were written into: they may be shared with the cache."""
    both = before.keys() & after.keys()
    same = (k for k in both if before[k].seen[:1] == after[k].seen[:1])
    return sorted(k for k in same if before[k].seen != after[k].seen)


def owned(patient: Patient, names: Iterable[str]) -> set[str]:
    """The paths that distributions of these names or globs record, relative to the patient's root."""
    wanted = {_normal(n) for n in names}
    found = set()
    for record in patient.site.glob("*.dist-info/RECORD"):
        name = _normal(record.parent.name.rsplit("-", 1)[0].rsplit("-", 1)[0])
        if not any(fnmatch.fnmatch(name, pattern) for pattern in wanted):
            continue
        rows = csv.reader(record.read_text("utf-8", "replace").splitlines())
        for row in rows:
            if row:
                path = Path(os.path.normpath(patient.site / row[0]))
                found.add(os.path.relpath(path, patient.root))
        found.add(os.path.relpath(record.parent, patient.root))
    return found


def strayed(paths: Iterable[str], mine: set[str], globs: Iterable[str]) -> list[str]:
    """Of the changed paths, those that are neither a named distribution's nor match a glob."""
    patterns = list(globs)
    parents = {str(p) for path in mine for p in Path(path).parents}
    return [
        path
        for path in paths
        if path not in mine
        and path not in parents
        and not any(str(Path(path).parent).startswith(m) for m in mine if m.endswith("-info"))
        and not any(fnmatch.fnmatch(path, p) or fnmatch.fnmatch(path, f"*/{p}") for p in patterns)
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

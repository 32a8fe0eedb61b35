"""What a repair changed: a patient's files before and after."""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from clinic.patient import Patient

Prints = dict[str, str]
CACHES = re.compile(r"(^|/)(__pycache__|\.cache)(/|$)")


def prints(patient: Patient, *, content: bool = True) -> Prints:
    """Every path of prefix and project with its kind, mode and content, or in place of that its times.

    What a tool that only looks has changed is told by times: gigabytes need not be read.
    """
    found: Prints = {}
    for top in (patient.prefix, patient.project):
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                path = Path(folder, name)
                key = path.relative_to(patient.root).as_posix()
                if not CACHES.search(key):
                    found[key] = _print(path, content)
    return found


def _print(path: Path, content: bool) -> str:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return f"link {path.readlink()}"
    mode = oct(status.st_mode & 0o7777)
    if not stat.S_ISREG(status.st_mode):
        return f"other {mode}"
    if not content:
        return f"file {mode} {status.st_size} {status.st_mtime_ns} {status.st_ino}"
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"file {mode} {digest.hexdigest()}"


def changed(before: Prints, after: Prints) -> list[str]:
    return sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))


def owned(patient: Patient, names: Iterable[str]) -> set[str]:
    """The paths that distributions of these names record, relative to the patient's root."""
    wanted = {_normal(n) for n in names}
    found = set()
    for record in patient.site.glob("*.dist-info/RECORD"):
        if _normal(record.parent.name.rsplit("-", 1)[0].rsplit("-", 1)[0]) not in wanted:
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

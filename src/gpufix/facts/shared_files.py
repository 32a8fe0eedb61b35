"""Files that several distributions record: the last one installed wins, the first removed takes it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gpufix.facts.digest import Budget, matches
from gpufix.facts.files import text
from gpufix.facts.record import Recorded, Site, gone, rows
from gpufix.model import SharedFile

LISTED = 200
_BUDGET = 512 << 20  # bytes hashed to tell whose file is there
_BY_SIZE = 8 << 20  # above this, a size that only one owner recorded is proof enough


@dataclass(frozen=True)
class Owner:
    """One distribution's claim on a file."""

    name: str
    digest: str
    size: str


def find(site: Site, recorded: Sequence[tuple[str, Recorded]], deep: bool) -> list[SharedFile]:
    """Shared files of one site folder: those whose recorded hashes differ, and those now gone.

    `recorded` pairs a distribution's name with its checked RECORD. Healthy wheels share equal
    files (an empty nvidia/__init__.py): these are not listed.
    """
    budget = Budget(None if deep else _BUDGET)
    listed = []
    for path, owners in sorted(_claims(site, recorded).items()):
        if len({owner.name for owner in owners}) < 2:
            continue
        differ = len({owner.digest for owner in owners if owner.digest}) > 1
        holder = _holder(site, path, owners, budget) if differ else _presence(site, path)
        if differ or holder == "missing":
            names = sorted({owner.name for owner in owners})
            listed.append(SharedFile(path=text(path), owners=names, differ=differ, holder=holder))
        if len(listed) == LISTED:
            break
    return listed


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
        os.stat(path, dir_fd=site.fd)
    except (OSError, ValueError) as error:
        return "missing" if gone(error) else None
    return None


def _holder(site: Site, path: str, owners: Sequence[Owner], budget: Budget) -> str | None:
    """Whose bytes are there now: an owner, "missing", or None = nobody's, or not told."""
    try:
        size = os.stat(path, dir_fd=site.fd).st_size
        fitting = [owner for owner in owners if owner.size in ("", str(size))]
        if len({owner.digest for owner in fitting}) == 1 and size > _BY_SIZE:
            return fitting[0].name
        if not fitting or not budget.take(size * len(fitting)):
            return None
        return next((o.name for o in fitting if matches(path, o.digest, site.fd)), None)
    except (OSError, ValueError) as error:
        return "missing" if gone(error) else None

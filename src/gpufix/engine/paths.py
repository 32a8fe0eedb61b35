"""Which paths a run may change: the patient, the project, and the cache entries that facts name."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gpufix.engine.errors import Refused
from gpufix.model import Facts


def roots(facts: Facts) -> Iterator[str]:
    """Folders and files below which a step may write."""
    if facts.python:
        yield facts.python.prefix
        yield from facts.python.site_dirs
    if facts.project:
        yield facts.project.root
    for dist in facts.distributions:
        if dist.editable:
            yield dist.editable
    for entry in facts.caches:
        yield entry.path


def inside(path: str, facts: Facts) -> str:
    """The path with every folder's links resolved, the last name kept. Raises Refused.

    A link that leads out of all roots would let a step write where nobody looks.
    """
    if "\0" in path or not os.path.isabs(path):
        raise Refused(f"{path!r} is not an absolute path")
    folder, name = os.path.split(os.path.normpath(path))
    if not name:
        raise Refused(f"{path} cannot be changed")
    real = os.path.join(os.path.realpath(folder), name)
    for root in roots(facts):
        above = os.path.realpath(root)
        # A cache entry may itself be removed; an environment or a project may not.
        if real.startswith(f"{above.rstrip('/')}/") or _is_entry(real, above, facts):
            return real
    raise Refused(f"{path} belongs to neither the patient nor the project")


def _is_entry(real: str, above: str, facts: Facts) -> bool:
    return real == above and any(os.path.realpath(e.path) == real for e in facts.caches)


def writable(folder: str) -> None:
    """Refuse a folder that this user cannot write to."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"{folder} is not writable")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise Refused(f"{folder} is on a read-only file system")

"""What a step changed: the listing before against the listing after."""

from __future__ import annotations

from collections.abc import Mapping

from gpufix.engine.listing import PARENT, Entry

States = Mapping[str, Entry | None]


def changed(before: States, after: States) -> list[str]:
    """The keys whose state differs; times of folders count."""
    keys = dict.fromkeys([*before, *after])
    return [k for k in keys if not equal(before.get(k), after.get(k), times=True)]


def equal(
    before: Entry | None, after: Entry | None, times: bool = False, identity: bool = True
) -> bool:
    """Whether two states of one path are the same, as far as the file system tells.

    `times`: of folders as well. `identity`: a file with another inode is another one; overlay file
    systems give a file a new inode number when they are mounted again. A copied file that was
    written in place is told by its change time; a linked one's is moved by the link itself.
    """
    if before is None or after is None:
        return before is after
    if (before.kind, before.mode, before.size, before.target) != (
        after.kind,
        after.mode,
        after.size,
        after.target,
    ):
        return False
    if before.is_dir:
        return not times or before.mtime == after.mtime
    if before.kind == "link":
        return not identity or before.inode == after.inode
    if before.mtime != after.mtime or (identity and before.inode != after.inode):
        return False
    return before.kept != "copy" or not identity or before.ctime == after.ctime


def matters(key: str) -> bool:
    """Whether a later change of this path speaks against an undo: bytecode comes and goes."""
    return key != PARENT and not key.endswith(".pyc") and not key.endswith("__pycache__")

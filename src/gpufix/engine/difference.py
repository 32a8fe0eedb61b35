"""What a step changed: the listing before against the listing after."""

from __future__ import annotations

from collections.abc import Mapping

from gpufix.engine.listing import PARENT, Entry

States = Mapping[str, Entry | None]


def changed(before: States, after: States) -> list[str]:
    """The keys whose state differs; times of folders count."""
    keys = dict.fromkeys([*before, *after])
    return [k for k in keys if not equal(before.get(k), after.get(k), times=True)]


def equal(before: Entry | None, after: Entry | None, times: bool = False) -> bool:
    """Whether two states of one path are the same, as far as the file system tells.

    A copied file that was written in place is told by its change time; a linked one's is moved by
    the link itself.
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
        return True
    same = (before.mtime, before.inode) == (after.mtime, after.inode)
    return same and (before.kept != "copy" or before.ctime == after.ctime)


def restored(before: Entry | None, now: Entry | None) -> bool:
    """Whether a path has its state from before again; the bytes of a copy may be new ones."""
    if before is None or now is None or before.kind != "file":
        return equal(before, now)
    same = (before.kind, before.mode, before.size, before.mtime) == (
        now.kind,
        now.mode,
        now.size,
        now.mtime,
    )
    return same and (before.kept != "link" or before.inode == now.inode)


def matters(key: str) -> bool:
    """Whether a later change of this path speaks against an undo: bytecode comes and goes."""
    return key != PARENT and not key.endswith(".pyc") and not key.endswith("__pycache__")

"""What root's programs add to an environment or project of somebody else becomes theirs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gpufix.engine.journal.listing import ListedEntry, Listing, Scope, look

_ROOT = "0:"


def variables(prefix: str) -> dict[str, str]:
    """For root's programs: uv would link files of root's own cache, which must stay root's."""
    foreign = os.geteuid() == 0 and os.stat(prefix).st_uid != 0
    return {"UV_LINK_MODE": "copy"} if foreign else {}


def hand_over(scope: Scope, before: Mapping[str, ListedEntry | None], after: Listing) -> None:
    """Give entries of `after` that root has made the owner of what they replaced, else of their folder.

    Not files with other names: those may be root's elsewhere. Raises OSError.
    """
    if os.geteuid() != 0:
        return
    for key in sorted(after, key=lambda key: key.count("/")):
        entry, earlier = after[key], before.get(key)
        made = earlier is None or earlier.owner != entry.owner
        if not (made and entry.owner.startswith(_ROOT)) or (entry.links > 1 and not entry.is_dir):
            continue
        path = scope.at(key)
        above = earlier or look(os.path.dirname(path))
        if above is None or above.owner.startswith(_ROOT):
            continue
        uid, gid = map(int, above.owner.split(":"))
        os.chown(path, uid, gid, follow_symlinks=False)
        if entry.kind == "file":
            os.chmod(path, entry.mode)  # chown takes set-user-ID bits away
        after[key] = look(path) or entry

"""On which file system the environment lies, and whether another node has the same copy."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import text, text_of
from gpufix.model import Python, Storage

_NETWORK = re.compile(
    r"nfs4?|lustre|gpfs|beegfs|ceph|cifs|smb3?|9p|virtiofs|wekafs|panfs|pvfs2|orangefs|afs|"
    r"glusterfs|fuse\.(?:juicefs|ceph|glusterfs|s3fs|gcsfuse|sshfs|cvmfs2|blobfuse2?|goofys)|cvmfs2"
)
_LIMIT = 4 << 20
_ESCAPE = re.compile(r"\\([0-7]{3})")  # a blank in a mount's path is \040


class _Mount(NamedTuple):
    point: str
    kind: str
    source: str


def collect(ctx: CollectContext, python: Python | None) -> Storage | None:
    """None without an environment, or where the system does not tell."""
    if python is None:
        return None
    folder = os.path.realpath(python.site_dirs[0] if python.site_dirs else python.prefix)
    mount = _mount(ctx, folder)
    try:
        status = Path(folder).stat()
    except OSError:
        return None
    if mount is None:
        return None
    network = _NETWORK.fullmatch(mount.kind) is not None
    # A device's number is the machine's own; a server's name is everybody's.
    where = f"{mount.kind} {mount.source}" if network else f"{_boot(ctx)} {status.st_dev}"
    return Storage(
        kind=text(mount.kind),
        source=text(mount.source) or None,
        network=network,
        key=text(f"{where} {status.st_ino}"),
    )


def _boot(ctx: CollectContext) -> str:
    return text_of(ctx.at("/proc/sys/kernel/random/boot_id"), 64).strip()[:8]


def _mount(ctx: CollectContext, folder: str) -> _Mount | None:
    """The innermost mount that holds the folder; of several on one point, the last."""
    best: _Mount | None = None
    for line in text_of(ctx.at("/proc/self/mountinfo"), _LIMIT).splitlines():
        left, _, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if len(before) < 5 or len(after) < 2:
            continue
        one = _Mount(_plain(before[4]), after[0], _plain(after[1]))
        holds = f"{folder}/".startswith(f"{one.point.rstrip('/')}/")
        if holds and (best is None or len(one.point) >= len(best.point)):
            best = one
    return best


def _plain(text_: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text_)

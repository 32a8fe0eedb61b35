"""WriteFile: a new file beside the old one, synced, renamed over it; RECORD follows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from gpufix.engine.context import Context
from gpufix.engine.durable import sync_folder, write_all
from gpufix.engine.errors import Refused, StepFailed
from gpufix.engine.paths import inside, writable
from gpufix.engine.record import records_of, with_row
from gpufix.engine.scope import Scope
from gpufix.model import WriteFile

SUFFIX = ".gpufix-new"
_LIMIT = 64 << 20  # bytes of a file that a fix may edit


def check(step: WriteFile, context: Context) -> None:
    """It lies inside, its folder can be written, and its bytes are the expected ones.

    A folder that an earlier step may make is looked for again right before the step.
    """
    path = inside(step.path, context.facts)
    if os.path.islink(path) or os.path.isdir(path):
        raise Refused(f"{path} is not a regular file")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder) and context.ahead:
        return
    if not os.path.isdir(folder):
        raise Refused(f"{folder} is not a folder")
    writable(folder)
    _expected(step, path)


def scopes(step: WriteFile, context: Context) -> Sequence[Scope]:
    """The file, its RECORDs, and the temporary names beside them: all replaced, none written into."""
    path = inside(step.path, context.facts)
    touched = [path, *records_of(path, context.facts)]
    return [Scope(p) for file in touched for p in (file, file + SUFFIX)]


def run(step: WriteFile, context: Context) -> None:
    """Replace the file, then the rows of the RECORDs that list it."""
    path = inside(step.path, context.facts)
    _expected(step, path)
    data = step.content.encode(step.encoding)
    replace(path, data, step.mode)
    for record in records_of(path, context.facts):
        replace(record, with_row(record, path, data))


def replace(path: str, data: bytes, mode: int | None = None) -> None:
    """Put new bytes at a path in one instant, keeping its mode and owner. Raises OSError."""
    temporary = path + SUFFIX
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o666)
    try:
        if os.path.lexists(path):
            status = os.lstat(path)
            os.fchmod(fd, status.st_mode & 0o7777 if mode is None else mode)
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(fd, status.st_uid, status.st_gid)
        elif mode is not None:
            os.fchmod(fd, mode)
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)
    sync_folder(os.path.dirname(path))


def _expected(step: WriteFile, path: str) -> None:
    found = digest(path)
    if found != step.expect:
        what = "is gone" if found is None else "exists" if step.expect is None else "has changed"
        raise Refused(f"{path} {what} since it was looked at")


def digest(path: str) -> str | None:
    """SHA-256 of a regular file, None when there is none. Raises StepFailed for a huge one."""
    if not os.path.lexists(path):
        return None
    with Path(path).open("rb") as file:
        data = file.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise StepFailed(f"{path} is too large to be edited")
    return hashlib.sha256(data).hexdigest()

"""Writes one file; RECORD files follow, so that an edited file does not read as damaged."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
from collections.abc import Sequence

from gpufix.engine.journal.aside import NAME, Aside
from gpufix.engine.journal.exchange import exchanged, named
from gpufix.engine.journal.listing import NEW, Scope
from gpufix.engine.journal.lock import sync_folder, write_all
from gpufix.engine.run_context import Refused, RunContext, StepFailed, inside, writable
from gpufix.files import TooLarge, read, read_whole
from gpufix.model import Facts, WriteFile

_RECORD_LIMIT = 64 << 20


def records_of(path: str, facts: Facts) -> list[str]:
    """The RECORDs that list an installed file (several, when it is owned twice)."""
    found = []
    for dist in facts.distributions:
        record = f"{dist.metadata}/RECORD" if dist.metadata else ""
        if dist.source == "pip" and os.path.isfile(record) and not os.path.islink(record):
            name = _recorded_name(record, path)
            if name is not None and _row_number(_rows(record), name) is not None:
                found.append(os.path.realpath(record))
    return found


def with_row(record: str, path: str, data: bytes) -> bytes:
    """The RECORD's bytes with a new hash and size for `path`; every other line as it is."""
    lines = _rows(record)
    number = _row_number(lines, _recorded_name(record, path) or "")
    if number is None:
        return "".join(lines).encode("utf-8", "surrogateescape")
    ending = "\r\n" if lines[number].endswith("\r\n") else "\n"
    name = next(csv.reader([lines[number]]))[0]
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    row = io.StringIO()
    csv.writer(row, lineterminator=ending).writerow([name, f"sha256={digest}", str(len(data))])
    lines[number] = row.getvalue()
    return "".join(lines).encode("utf-8", "surrogateescape")


def _recorded_name(record: str, path: str) -> str | None:
    site = os.path.realpath(os.path.dirname(os.path.dirname(record)))
    return os.path.relpath(path, site)


def _rows(record: str) -> list[str]:
    text = read(record, _RECORD_LIMIT).decode("utf-8", "surrogateescape")
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _row_number(lines: list[str], name: str) -> int | None:
    start, quoted = f"{name},", '"' + name.replace('"', '""') + '",'
    rows = (i for i, line in enumerate(lines) if line.startswith((start, quoted)))
    return next(rows, None)


_LIMIT = 64 << 20  # bytes of a file that a fix may edit


def check(step: WriteFile, context: RunContext) -> None:
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


def scopes(step: WriteFile, context: RunContext) -> Sequence[Scope]:
    """The file, its RECORDs, and the temporary names beside them: all replaced, none written into."""
    path = inside(step.path, context.facts)
    touched = [path, *records_of(path, context.facts)]
    return [Scope(p) for file in touched for p in (file, file + NEW)]


def run(step: WriteFile, context: RunContext) -> None:
    """Replace the file, then the rows of the RECORDs that list it."""
    path = inside(step.path, context.facts)
    _expected(step, path)
    data = step.content.encode(step.encoding)
    _replace(path, data, step.expect, context, step.mode)
    for record in records_of(path, context.facts):
        earlier = digest(record)
        _replace(record, with_row(record, path, data), earlier, context)


def _replace(
    path: str, data: bytes, earlier: str | None, context: RunContext, mode: int | None = None
) -> None:
    """Replace what has this digest (None: nothing). Raises StepFailed: somebody was quicker."""
    assert context.folder is not None
    context.writing(path, data)
    temporary = written(path, data, mode)
    if earlier is None:
        if not named(temporary, path):
            raise StepFailed(f"{path} exists since it was looked at")
    elif not exchanged(temporary, path):
        os.rename(temporary, path)
    elif digest(temporary) == earlier:
        os.unlink(temporary)
    else:
        Aside(context.folder / NAME).take(path, temporary)
        raise StepFailed(f"{path} has changed since it was looked at")
    sync_folder(os.path.dirname(path))


def replace(path: str, data: bytes, mode: int | None = None) -> None:
    """Put new bytes at a path in one instant, keeping its mode and owner. Raises OSError."""
    os.rename(written(path, data, mode), path)
    sync_folder(os.path.dirname(path))


def written(path: str, data: bytes, mode: int | None) -> str:
    """A file with the bytes for the path, beside it, with its mode and owner. Raises OSError."""
    temporary = path + NEW
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
    return temporary


def _expected(step: WriteFile, path: str) -> None:
    found = digest(path)
    if found != step.expect:
        what = "is gone" if found is None else "exists" if step.expect is None else "has changed"
        raise Refused(f"{path} {what} since it was looked at")


def digest(path: str) -> str | None:
    """SHA-256 of a regular file, None when there is none. Raises StepFailed for a huge one."""
    if not os.path.lexists(path):
        return None
    try:
        return hashlib.sha256(read_whole(path, _LIMIT)).hexdigest()
    except TooLarge:
        raise StepFailed(f"{path} is too large to be edited") from None

"""One `.dist-info` folder: metadata, installer, origin, tags. Its RECORD is checked elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gpufix.facts import direct_url
from gpufix.facts.context import Context
from gpufix.facts.files import read, text, why
from gpufix.facts.metadata import Metadata, name_and_version, read_metadata
from gpufix.model import Distribution

T = TypeVar("T")
_LIMIT = 1 << 16  # bytes


def describe(ctx: Context, location: str, folder: str) -> tuple[Distribution | None, bool]:
    """The distribution, and whether it has a RECORD. None and a gap when not even its name shows."""
    path = text(str(Path(location, folder)))
    try:
        fd = os.open(Path(location, folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        ctx.gap("distributions", path, f"cannot be opened: {why(error)}")
        return _nameless(location, folder, path), False
    try:
        return _read(ctx, location, folder, fd)
    finally:
        os.close(fd)


def _nameless(location: str, folder: str, path: str) -> Distribution | None:
    claim = name_and_version(folder.removesuffix(".dist-info"))
    if claim is None:
        return None
    return Distribution(name=claim[0], version=claim[1], location=location, metadata=path)


def _read(ctx: Context, location: str, folder: str, fd: int) -> tuple[Distribution | None, bool]:
    path = text(str(Path(location, folder)))
    with os.scandir(fd) as entries:
        names = {entry.name for entry in entries}

    def attempt(name: str, reader: Callable[[], T], otherwise: T) -> T:
        if name not in names:
            return otherwise
        try:
            return reader()
        except (OSError, ValueError) as error:
            ctx.gap("distributions", f"{path}/{name}", f"cannot be read: {why(error)}")
            return otherwise

    has_record = "RECORD" in names
    metadata: Metadata | None = attempt("METADATA", lambda: read_metadata("METADATA", fd), None)
    if metadata is None:
        if "METADATA" not in names:
            ctx.gap("distributions", path, "it has no METADATA")
        claim = name_and_version(folder.removesuffix(".dist-info"))
        if claim is None:
            return None, False
        metadata = Metadata(*claim)
    installer = attempt("INSTALLER", lambda: _word(read("INSTALLER", _LIMIT, fd)), None)
    origin = attempt("direct_url.json", lambda: direct_url.read_origin(fd), direct_url.Origin())
    return Distribution(
        name=metadata.name,
        version=metadata.version,
        location=location,
        metadata=path,
        installer=installer,
        requested="REQUESTED" in names,
        direct_url=origin.url,
        editable=origin.editable,
        requires=metadata.requires,
        requires_python=metadata.requires_python,
        tags=attempt("WHEEL", lambda: _tags(read("WHEEL", _LIMIT, fd)), []),
    ), has_record


def _word(raw: bytes) -> str | None:
    words = raw.decode("ascii", "replace").split(maxsplit=1)
    return words[0][:64] if words else None


def _tags(raw: bytes) -> list[str]:
    lines = raw.decode("ascii", "replace").splitlines()
    return [line[4:].strip() for line in lines if line.startswith("Tag:")][:200]

"""Packages that conda installed: `conda-meta/*.json` in the prefix, one file each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from gpufix.facts.context import Context
from gpufix.facts.direct_url import without_credentials
from gpufix.facts.files import read, text, why
from gpufix.facts.record import LISTED, gone
from gpufix.model import Distribution, Record
from gpufix.names import normalise

_LIMIT = 64 << 20
_PACKAGES = 5000
_TOKEN = re.compile(r"/t/[^/\s]+/")  # how anaconda.org's private channels carry it


def collect(ctx: Context, prefix: str) -> list[Distribution]:
    """Every conda package of the prefix; [] when it is no conda environment."""
    found = [dist for path in _files(ctx, prefix) if (dist := _package(ctx, prefix, path))]
    _names.cache_clear()  # the facts are collected again after a repair
    return found


def _files(ctx: Context, prefix: str) -> Iterator[Path]:
    folder = Path(prefix, "conda-meta")
    if not folder.is_dir():
        return
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        ctx.gap("distributions", text(str(folder)), f"cannot be listed: {why(error)}")
        return
    if len(paths) > _PACKAGES:
        ctx.gap("distributions", text(str(folder)), f"only {_PACKAGES} packages were read")
    yield from paths[:_PACKAGES]


def _package(ctx: Context, prefix: str, path: Path) -> Distribution | None:
    data: dict[str, Any] = {}
    try:
        data = _parse(read(path, _LIMIT))
        return Distribution(
            name=normalise(data["name"]),
            version=data["version"],
            location=prefix,
            metadata=text(str(path)),
            source="conda",
            installer="conda",
            requested=bool(data.get("requested_spec") or data.get("requested_specs")),
            requires=[row for row in data.get("depends", []) if isinstance(row, str)],
            record=_record(prefix, data.get("files", [])),
            channel=_channel(data.get("channel")),
            build=data.get("build"),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        ctx.gap("distributions", text(str(path)), f"cannot be read: {why(error)}")
        return _from_name(prefix, path)


def _parse(raw: bytes) -> Any:
    """The JSON, without its largest part when it is laid out as conda writes it.

    Hashes of every file are four fifths of the text, and parsing them four fifths of the time.
    """
    start = raw.find(b'\n  "paths_data": {')
    end = raw.find(b"\n  },\n", start) if start >= 0 else -1
    if end >= 0:
        with suppress(ValueError):
            return json.loads(raw[:start] + raw[end + len(b"\n  },") :])
    return json.loads(raw)


def _from_name(prefix: str, path: Path) -> Distribution | None:
    """`<name>-<version>-<build>.json` says as much as an unreadable file can."""
    parts = path.stem.rsplit("-", 2)
    if len(parts) != 3:
        return None
    name, version, build = (text(part) for part in parts)
    return Distribution(
        name=normalise(name),
        version=version,
        location=prefix,
        metadata=text(str(path)),
        source="conda",
        build=build,
    )


def _channel(channel: object) -> str | None:
    if not isinstance(channel, str):
        return None
    return _TOKEN.sub("/", without_credentials(channel))


def _record(prefix: str, files: object) -> Record | None:
    """Existence alone: conda rewrites prefixes and run paths, so sizes and hashes prove nothing."""
    if not isinstance(files, list) or not files:
        return None
    paths = [path for path in files if isinstance(path, str) and not path.endswith(".pyc")]
    missing = [path for path in paths if not _exists(prefix, path)]
    listed = [text(path) for path in missing[:LISTED]]
    return Record(files=len(files), missing=listed, missing_count=len(missing))


def _exists(prefix: str, path: str) -> bool:
    """One listing per folder costs a third of one look-up per file."""
    if path[:1] == "/" or (".." in path and ".." in path.split("/")):
        return True  # not followed
    folder, _, name = path.rpartition("/")
    there = _names(f"{prefix}/{folder}")
    return there is None or name in there


@lru_cache(256)
def _names(folder: str) -> frozenset[str] | None:
    """The names in a folder: none when it is gone, None when it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return frozenset([entry.name for entry in entries])
    except (OSError, ValueError) as error:
        return frozenset() if gone(error) else None  # not seen is not missing

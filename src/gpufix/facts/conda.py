"""Packages that conda installed: `conda-meta/*.json` in the prefix, one file each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpufix.facts.context import Context
from gpufix.facts.direct_url import without_credentials
from gpufix.facts.files import read, text, why
from gpufix.facts.metadata import normalize
from gpufix.facts.record import LISTED
from gpufix.model import Distribution, Record

_LIMIT = 64 << 20
_PACKAGES = 5000
_TOKEN = re.compile(r"/t/[^/\s]+/")  # how anaconda.org's private channels carry it


def collect(ctx: Context, prefix: str) -> list[Distribution]:
    """Every conda package of the prefix; [] when it is no conda environment."""
    return [dist for path in _files(ctx, prefix) if (dist := _package(ctx, prefix, path))]


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
        data = json.loads(read(path, _LIMIT))
        return Distribution(
            name=normalize(data["name"]),
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


def _from_name(prefix: str, path: Path) -> Distribution | None:
    """`<name>-<version>-<build>.json` says as much as an unreadable file can."""
    parts = path.stem.rsplit("-", 2)
    if len(parts) != 3:
        return None
    name, version, build = (text(part) for part in parts)
    return Distribution(
        name=normalize(name),
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
    if path.startswith("/") or ".." in path.split("/"):
        return True  # not followed
    try:
        Path(prefix, path).lstat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True  # not seen is not missing
    return True

"""Packages that conda installed: `conda-meta/*.json` in the prefix, one file each."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from gpufix.facts.context import CollectContext
from gpufix.facts.packages.metadata import without_credentials
from gpufix.facts.packages.record_file import gone, named
from gpufix.facts.reading import json_text, read_whole, text, why
from gpufix.knowledge.conda import brought_by
from gpufix.model import CondaPackage, Distribution, Python, Record
from gpufix.text.names import normalise

_LIMIT = 64 << 20
_INSTALLER = 1 << 10
_PACKAGES = 5000
_METADATA = re.compile(r"(?:[^/]+/)*?[^/]+\.(?:dist|egg)-info(?=/|$)")
_BRINGS = re.compile(r"(?:[^/]+/)*(?:site|dist)-packages/([^/-]+)-[^/]*\.(?:dist|egg)-info(?=/|$)")
_TOKEN = re.compile(r"/t/[^/\s]+/")  # how anaconda.org's private channels carry it


@dataclass
class Installed:
    """conda's packages, and which of them brought each .dist-info and .egg-info."""

    packages: list[CondaPackage] = field(default_factory=list)
    brought: dict[str, CondaPackage] = field(default_factory=dict)

    def beside(self, dists: Sequence[Distribution]) -> list[CondaPackage]:
        """The packages; a record says nothing any more where pip put its own files."""
        shown = {dist.name for dist in dists if dist.source == "conda"}
        replaced = {dist.name for dist in dists} - shown
        return [
            package if replaced.isdisjoint(brought_by(package)) else replace(package, record=None)
            for package in self.packages
        ]

    def wrote(self, metadata: str) -> bool:
        """Whether a .dist-info is still the one that a package of conda's put there.

        Its INSTALLER tells, which pip writes anew: conda recorded the hash of its own, whatever it says.
        """
        package = self.brought.get(metadata)
        return package is not None and _holds(package, f"{metadata}/INSTALLER")


def collect(ctx: CollectContext, python: Python | None) -> Installed:
    """Every conda package of the prefix; none when it is no conda environment."""
    installed = Installed()
    prefix = python.prefix if python else ""
    for path in _files(ctx, prefix) if python else ():
        package, files = _package(ctx, prefix, path)
        if package is not None:
            installed.packages.append(package)
            installed.brought |= dict.fromkeys(_metadata(prefix, files), package)
    _names.cache_clear()  # the facts are collected again after a repair
    return installed


def _files(ctx: CollectContext, prefix: str) -> Iterator[Path]:
    """The gaps in here are "conda": packages are not known at all, and pip must keep away."""
    folder = Path(prefix, "conda-meta")
    if not folder.is_dir():
        return
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        ctx.gap("conda", text(str(folder)), f"cannot be listed: {why(error)}")
        return
    if len(paths) > _PACKAGES:
        ctx.gap("conda", text(str(folder)), f"only {_PACKAGES} packages were read")
    yield from paths[:_PACKAGES]


def _package(ctx: CollectContext, prefix: str, path: Path) -> tuple[CondaPackage | None, list[str]]:
    """The package, and the files that it lists."""
    try:
        data: dict[str, Any] = _parse(read_whole(path, _LIMIT))
        listed = data.get("files", [])
        files = [f for f in listed if isinstance(f, str)] if isinstance(listed, list) else []
        package = CondaPackage(
            name=json_text(data["name"]),
            version=json_text(data["version"]),
            prefix=prefix,
            metadata=text(str(path)),
            requested=bool(data.get("requested_spec") or data.get("requested_specs")),
            depends=[text(row) for row in data.get("depends", []) if isinstance(row, str)],
            record=_record(prefix, files),
            channel=_channel(data.get("channel")),
            build=None if data.get("build") is None else json_text(data["build"]),
            brings=sorted({normalise(m[1]) for f in files if (m := _BRINGS.match(f))}),
        )
        return package, files
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        ctx.gap("distributions", text(str(path)), f"cannot be read: {why(error)}")
        return _from_name(prefix, path), []


def _metadata(prefix: str, files: list[str]) -> Iterator[str]:
    """The .dist-info and .egg-info folders (or files) among a package's files."""
    for path in files:
        if "-info" in path and (found := _METADATA.match(path)):
            yield f"{prefix}/{found[0]}"


def _holds(package: CondaPackage, path: str) -> bool:
    """Whether a file has the content that the package recorded; no, where nothing is recorded."""
    try:
        rows = json.loads(read_whole(package.metadata, _LIMIT))["paths_data"]["paths"]
        row = next(row for row in rows if f"{package.prefix}/{row['_path']}" == path)
        wanted = row.get("sha256_in_prefix") or row["sha256"]
        return bool(hashlib.sha256(read_whole(path, _INSTALLER)).hexdigest() == wanted)
    except (OSError, ValueError, LookupError, TypeError, StopIteration, RecursionError):
        return False


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


def _from_name(prefix: str, path: Path) -> CondaPackage | None:
    """`<name>-<version>-<build>.json` says as much as an unreadable file can."""
    parts = path.stem.rsplit("-", 2)
    if len(parts) != 3:
        return None
    name, version, build = (text(part) for part in parts)
    return CondaPackage(
        name=name, version=version, prefix=prefix, metadata=text(str(path)), build=build
    )


def _channel(channel: object) -> str | None:
    if not isinstance(channel, str):
        return None
    return text(_TOKEN.sub("/", without_credentials(channel)))


def _record(prefix: str, files: list[str]) -> Record | None:
    """Existence alone: conda rewrites prefixes and run paths, so sizes and hashes prove nothing."""
    if not files:
        return None
    paths = [path for path in files if not path.endswith(".pyc")]
    missing = [path for path in paths if not _exists(prefix, path)]
    return Record(files=len(files), missing=named(missing), missing_count=len(missing))


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

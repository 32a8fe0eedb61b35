"""Metadata of one distribution: .dist-info, .egg-info, METADATA, direct_url.json."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from gpufix.facts.context import CollectContext
from gpufix.facts.packages.wheel_variant import read_variant
from gpufix.facts.reading import read, read_whole, text, why
from gpufix.files import Folder, opened_folder
from gpufix.frozen import Frozen
from gpufix.model import Distribution
from gpufix.text.names import normalise

_URL_LIMIT = 1 << 16  # bytes
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")


class Origin(Frozen):
    """An address without credentials; the project folder when the install is editable."""

    url: str | None = None
    editable: str | None = None
    gone: bool = False  # what lay on this machine is not there any more


def read_origin(dir_fd: Folder) -> Origin:
    """The origin that a `.dist-info` folder names. Raises OSError, ValueError."""
    try:
        data = json.loads(
            read_whole("direct_url.json", _URL_LIMIT, dir_fd).decode("utf-8", "replace")
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(data, dict) or not isinstance(url := data.get("url"), str):
        raise ValueError("no url")
    info = data.get("dir_info")
    editable = isinstance(info, dict) and info.get("editable") is True
    local = unquote(url[len("file://") :]) if url.startswith("file://") else None
    folder = local if editable else None
    gone = local is not None and _is_gone(local)
    return Origin(text(without_credentials(url)), text(folder) if folder else None, gone)


def _is_gone(path: str) -> bool:
    """Whether nothing is there; False where it cannot be looked at."""
    try:
        return not Path(path).exists()
    except (OSError, ValueError):
        return False


def without_credentials(url: str) -> str:
    """The address without user, password and query (signed addresses carry tokens there)."""
    return without_userinfo(url).partition("?")[0]


def without_userinfo(value: str) -> str:
    """Any text, with user and password taken out of the addresses in it."""
    return _USERINFO.sub("", value)


_FIRST, _LIMIT = 8192, 1 << 20  # bytes
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[!-~]{1,128}")


@dataclass
class Metadata:
    """`name` is normalised (PEP 503)."""

    name: str
    version: str
    requires: list[str] = field(default_factory=list)
    requires_python: str | None = None


class CorruptMetadata(ValueError):
    """A metadata file without a usable Name or Version."""


def name_and_version(stem: str) -> tuple[str, str] | None:
    """What a folder called `<name>-<version>[-py3.7]` claims to be, None when it claims nothing."""
    name, _, rest = stem.partition("-")
    version = rest.partition("-")[0]
    if len(name) > 200 or not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    return normalise(name), version


def read_metadata(name: str, dir_fd: Folder | None = None) -> Metadata:
    """Raises OSError, or Corrupt."""
    raw = read(name, _FIRST, dir_fd)
    if len(raw) == _FIRST and _end(raw) < 0:
        raw = read(name, _LIMIT, dir_fd)
    return parse(raw)


def parse(raw: bytes) -> Metadata:
    """The headers, up to the first blank line. Raises Corrupt."""
    end = _end(raw)
    headers = (raw if end < 0 else raw[:end]).decode("utf-8", "replace")
    fields: dict[str, list[list[str]]] = {}
    value: list[list[str]] | None = None
    for line in headers.splitlines():
        if line[:1] in (" ", "\t"):
            if value:
                value[-1].append(line.strip())
            continue
        key, colon, rest = line.partition(":")
        value = fields.setdefault(key.lower(), []) if colon else None
        if value is not None:
            value.append([rest.strip()])
    return _metadata({key: [" ".join(part) for part in parts] for key, parts in fields.items()})


def _end(raw: bytes) -> int:
    ends = [at for at in (raw.find(b"\n\n"), raw.find(b"\r\n\r\n")) if at >= 0]
    return min(ends, default=-1)


def _metadata(fields: dict[str, list[str]]) -> Metadata:
    name, version = (fields.get(key, [""])[0] for key in ("name", "version"))
    if len(name) > 200 or not _NAME.fullmatch(name):
        raise CorruptMetadata("no usable Name")
    if not _VERSION.fullmatch(version):
        raise CorruptMetadata("no usable Version")
    requires = [row[:1000] for row in fields.get("requires-dist", [])[:2000]]
    return Metadata(normalise(name), version, requires, fields.get("requires-python", [None])[0])


T = TypeVar("T")
_DIST_INFO_LIMIT = 1 << 16  # bytes


def describe_dist_info(
    ctx: CollectContext, location: str, folder: str
) -> tuple[Distribution | None, bool]:
    """The distribution, and whether it has a RECORD. None and a gap when not even its name shows."""
    path = text(str(Path(location, folder)))
    with ExitStack() as held:
        try:
            fd = held.enter_context(opened_folder(Path(location, folder)))
        except OSError as error:
            ctx.gap("distributions", path, f"cannot be opened: {why(error)}")
            return _nameless(location, folder, path), False
        return _read(ctx, location, folder, fd)


def _nameless(location: str, folder: str, path: str) -> Distribution | None:
    claim = name_and_version(folder.removesuffix(".dist-info"))
    if claim is None:
        return None
    return Distribution(name=claim[0], version=claim[1], location=location, metadata=path)


def _read(
    ctx: CollectContext, location: str, folder: str, fd: Folder
) -> tuple[Distribution | None, bool]:
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
    installer = attempt("INSTALLER", lambda: _word(read("INSTALLER", _DIST_INFO_LIMIT, fd)), None)
    origin = attempt("direct_url.json", lambda: read_origin(fd), Origin())
    return Distribution(
        name=metadata.name,
        version=metadata.version,
        location=location,
        metadata=path,
        installer=installer,
        requested="REQUESTED" in names,
        direct_url=origin.url,
        editable=origin.editable,
        gone=origin.gone,
        requires=metadata.requires,
        requires_python=metadata.requires_python,
        tags=attempt("WHEEL", lambda: _tags(read("WHEEL", _DIST_INFO_LIMIT, fd)), []),
        variant=attempt("variant.json", lambda: read_variant(fd), None),
    ), has_record


def _word(raw: bytes) -> str | None:
    words = raw.decode("ascii", "replace").split(maxsplit=1)
    return words[0][:64] if words else None


def _tags(raw: bytes) -> list[str]:
    lines = raw.decode("ascii", "replace").splitlines()
    return [line[4:].strip() for line in lines if line.startswith("Tag:")][:200]


_EGG_INFO_LIMIT = 1 << 18


def describe_egg(ctx: CollectContext, location: str, name: str) -> Distribution | None:
    """The distribution that `location/name` stands for. None and a gap when nothing names it."""
    path = Path(location, name)
    file = path / "PKG-INFO" if path.is_dir() else path
    try:
        metadata = read_metadata(str(file))
    except (OSError, ValueError) as error:
        ctx.gap("distributions", text(str(file)), f"cannot be read: {why(error)}")
        stem = Path(location).name if name == "EGG-INFO" else name
        claim = name_and_version(stem.removesuffix(".egg-info").removesuffix(".egg"))
        if claim is None:
            return None
        metadata = Metadata(*claim)
    return Distribution(
        name=metadata.name,
        version=metadata.version,
        location=location,
        metadata=text(str(path)),
        source="egg",
        installer=_installer(path),
        requires=metadata.requires or _requires(path / "requires.txt"),
        requires_python=metadata.requires_python,
    )


def link(site: str, name: str) -> str | None:
    """The project folder of an `.egg-link`, which `setup.py develop` left in `site`."""
    try:
        lines = read(Path(site, name), _EGG_INFO_LIMIT).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    return lines[0].strip() if lines else None


def _installer(path: Path) -> str | None:
    try:
        words = read(path / "INSTALLER", 256).decode("ascii", "replace").split()
    except OSError:
        return None
    return words[0][:64] if words else None


def _requires(path: Path) -> list[str]:
    try:
        return requires_rows(read(path, _EGG_INFO_LIMIT))
    except OSError:
        return []


def requires_rows(raw: bytes) -> list[str]:
    """requires.txt as Requires-Dist rows: its sections `[extra:marker]` become markers."""
    lines = raw.decode("utf-8", "replace").splitlines()
    rows, suffix = [], ""
    for line in (line.strip() for line in lines[:2000]):
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            parts = [f"({marker})"] if marker else []
            parts += [f'extra == "{extra}"'] if extra else []
            suffix = f" ; {' and '.join(parts)}" if parts else ""
        elif line and not line.startswith("#"):
            rows.append(line[:1000] + suffix)
    return rows

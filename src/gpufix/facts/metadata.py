"""Reads the headers of METADATA / PKG-INFO files: the few fields that matter, nothing else.

Format: core metadata specification (packaging.python.org), RFC 822 headers. The email package
would take ten times as long, and reads the whole description.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gpufix.facts.files import read
from gpufix.names import normalise

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


class Corrupt(ValueError):
    """A metadata file without a usable Name or Version."""


def name_and_version(stem: str) -> tuple[str, str] | None:
    """What a folder called `<name>-<version>[-py3.7]` claims to be, None when it claims nothing."""
    name, _, rest = stem.partition("-")
    version = rest.partition("-")[0]
    if len(name) > 200 or not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    return normalise(name), version


def read_metadata(name: str, dir_fd: int | None = None) -> Metadata:
    """Raises OSError, or Corrupt."""
    raw = read(name, _FIRST, dir_fd)
    if len(raw) == _FIRST and _end(raw) < 0:
        raw = read(name, _LIMIT, dir_fd)
    return parse(raw)


def parse(raw: bytes) -> Metadata:
    """The headers, up to the first blank line. Raises Corrupt."""
    end = _end(raw)
    headers = (raw if end < 0 else raw[:end]).decode("utf-8", "replace")
    fields: dict[str, list[str]] = {}
    value: list[str] | None = None
    for line in headers.splitlines():
        if line[:1] in (" ", "\t"):
            if value:
                value[-1] += " " + line.strip()
            continue
        key, colon, rest = line.partition(":")
        value = fields.setdefault(key.lower(), []) if colon else None
        if value is not None:
            value.append(rest.strip())
    return _metadata(fields)


def _end(raw: bytes) -> int:
    ends = [at for at in (raw.find(b"\n\n"), raw.find(b"\r\n\r\n")) if at >= 0]
    return min(ends, default=-1)


def _metadata(fields: dict[str, list[str]]) -> Metadata:
    name, version = (fields.get(key, [""])[0] for key in ("name", "version"))
    if len(name) > 200 or not _NAME.fullmatch(name):
        raise Corrupt("no usable Name")
    if not _VERSION.fullmatch(version):
        raise Corrupt("no usable Version")
    requires = [row[:1000] for row in fields.get("requires-dist", [])[:2000]]
    return Metadata(normalise(name), version, requires, fields.get("requires-python", [None])[0])

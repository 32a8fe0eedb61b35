"""`.gitmodules`: submodules by path, with their addresses and lines."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

_SECTION = re.compile(r'\s*\[\s*submodule\s+"((?:[^"\\]|\\.)*)"\s*\]', re.IGNORECASE)
_KEY = re.compile(r"\s*(path|url)\s*=\s*(.*?)\s*$", re.IGNORECASE)
_SCP = re.compile(r"(?:[\w.-]+@)([\w.-]+):(?!/)(.+)")
_SSH = re.compile(r"(?:git\+)?ssh://(?:[\w.-]+@)?([\w.-]+)(?::\d+)?/(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Declared:
    """One section. `path` is relative to the folder of the .gitmodules."""

    name: str
    path: str
    url: str | None
    line: int


def parse(text: str) -> list[Declared]:
    """Every section with a path that stays inside; others are left out, as git refuses them."""
    found: list[Declared] = []
    name: str | None = None
    line, values = 0, dict[str, str]()
    for number, row in enumerate([*text.splitlines(), '[submodule ""]'], 1):
        section = _SECTION.match(row)
        if section:
            if name is not None and inside(values.get("path", "")):
                path = posixpath.normpath(values["path"])
                found.append(Declared(name, path, values.get("url") or None, line))
            name, line, values = section.group(1), number, {}
        elif row.lstrip().startswith("["):
            name = None
        elif key := _KEY.match(row):
            values[key.group(1).lower()] = key.group(2).strip('"')
    return found


def inside(path: str) -> bool:
    """Whether a relative path names something below where it starts."""
    clean = posixpath.normpath(path) if path else "."
    return not (path.startswith(("/", "-")) or clean == "." or clean.split("/")[0] == "..")


def https_url(url: str) -> str | None:
    """The https address of an ssh one: "git@host:a/b.git" -> "https://host/a/b.git"; else None."""
    found = _SSH.fullmatch(url) or _SCP.fullmatch(url)
    return f"https://{found.group(1)}/{found.group(2)}" if found else None

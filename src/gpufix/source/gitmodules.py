"""`.gitmodules`: submodules by path, with their addresses and lines; and what https makes of those."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from gpufix.source import git_config

_SCP = re.compile(r"(?:[\w.-]+@)([\w.-]+):(?!/)(.+)")
_SSH = re.compile(r"(?:git\+)?ssh://(?:[\w.-]+@)?([\w.-]+)(?::\d+)?/(.+)", re.IGNORECASE)
# No user, password, blank or control character, the last not even as %0a.
_HTTPS = re.compile(r"(https://[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?)/((?!.*%[01])[!-\[\]-~]+)")


@dataclass(frozen=True)
class Declared:
    """One submodule. `path` is relative to the folder of the .gitmodules."""

    name: str
    path: str
    url: str | None
    line: int
    shallow: bool = False  # its latest commits are enough


def parse(text: str) -> list[Declared]:
    """Every section with a path that stays inside; others are left out, as git refuses them."""
    sections: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    for row in git_config.parse(text):
        if row.section == "submodule" and row.name is not None:
            sections.setdefault(row.name, {})[row.key] = row.value
            lines.setdefault(row.name, row.line)
    return [
        Declared(
            name=name,
            path=posixpath.normpath(values["path"]),
            url=values.get("url") or None,
            line=lines[name],
            shallow=values.get("shallow", "").lower() in ("true", "yes", "on", "1"),
        )
        for name, values in sections.items()
        if inside(values.get("path", ""))
    ]


def inside(path: str) -> bool:
    """Whether a relative path names something below where it starts."""
    clean = posixpath.normpath(path) if path else "."
    return not (path.startswith(("/", "-")) or clean == "." or clean.split("/")[0] == "..")


def relative(url: str) -> bool:
    """Whether an address is to be read from the superproject's own."""
    return url.startswith(("./", "../"))


def https_url(url: str) -> str | None:
    """The https address of an ssh one: "git@host:a/b.git" -> "https://host/a/b.git"; else None."""
    found = _SSH.fullmatch(url) or _SCP.fullmatch(url)
    return f"https://{found.group(1)}/{found.group(2)}" if found else None


def by_https(url: str) -> str | None:
    """The address by https: as it is, or in place of an ssh one. None for every other."""
    address = https_url(url) or url
    return address if _HTTPS.fullmatch(address) else None


def resolved(base: str, url: str) -> str | None:
    """A relative address beside the https one of the superproject; None where it leads above it."""
    found = _HTTPS.fullmatch(base)
    parts = found[2].rstrip("/").split("/") if found else []
    while relative(url):
        first, _, url = url.partition("/")
        if first == "..":
            if not parts:
                return None
            parts.pop()
    return "/".join([found[1], *parts, url.removesuffix("/")]) if found else None


def shown(url: str) -> str:
    """An address as a message may show it: without user and password."""
    return re.sub(r"//[^/@]*@", "//…@", url)

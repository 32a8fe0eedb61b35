"""Git's configuration syntax, its index, and .gitmodules. No git is run, includes are not followed."""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Iterator, Mapping

from gpufix.frozen import Frozen

_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9-]+)(?:\.([^\]\s"]+)|\s*"((?:[^"\\]|\\.)*)")?\s*\]')
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?")
_CHARACTER = re.compile(r"\\(.)|(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


class Setting(Frozen):
    """One `key = value`. Section and key are in lower case; the subsection is as written.

    `line` is the section header's. A key without a value is "true".
    """

    section: str
    name: str | None
    key: str
    value: str
    line: int


def parse_config(text: str) -> Iterator[Setting]:
    """Every setting in order. A line that git would not accept is left out.

    Source: git-config(1), "Syntax".
    """
    section, name, header = "", None, 0
    for number, row in _rows(text):
        found = _SECTION.match(row)
        if found:
            section, header = found[1].lower(), number
            name = found[2].lower() if found[2] else _unescaped(found[3])
            row = row[found.end() :]
        key = _KEY.fullmatch(row)
        if key and section:
            value = "true" if key[2] is None else _value(key[2])
            yield Setting(section, name, key[1].lower(), value, header)


def _rows(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; those that end in a backslash are joined with the next."""
    held: list[str] = []
    first = 0
    for number, row in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        row = row.removesuffix("\r")
        first = first if held else number
        if _continues(row):
            held.append(row[:-1])
        else:
            yield first, "".join([*held, row])
            held = []
    yield first, "".join(held)


def _continues(row: str) -> bool:
    return (len(row) - len(row.rstrip("\\"))) % 2 == 1


def _unescaped(name: str | None) -> str | None:
    return None if name is None else re.sub(r"\\(.)", r"\1", name)


def _value(raw: str) -> str:
    """Without quotation marks, escapes, a comment, and blanks at the end."""
    found, end, quoted = "", 0, False
    for escaped, plain in _CHARACTER.findall(raw):
        if plain == '"':
            quoted = not quoted
        elif not quoted and plain and plain in "#;":
            break
        else:
            found += plain or _ESCAPES.get(escaped, escaped)
        if escaped or quoted or not plain.isspace():
            end = len(found)
    return found[:end]


_HEADER = struct.Struct(">4sII")
_FIXED = 62  # stat data, a SHA-1 and the flags, in versions 2 to 4
_MODE = struct.Struct(">I")
_FLAGS = struct.Struct(">H")
_GITLINK = 0o160000
_UNMERGED = 0x3000  # the bits of the stage


class IndexFormatError(ValueError):
    """Not an index that can be read here (another version, a SHA-256 repository, damage)."""


class GitIndex(Frozen):
    """Tracked files and submodules, as paths relative to the working tree.

    `gitlinks`: the commit of each submodule; None while a merge has not settled it.
    """

    files: frozenset[str]
    gitlinks: Mapping[str, str | None]

    def folders(self) -> frozenset[str]:
        """Every folder that holds something tracked, at any depth, and every submodule's."""
        found: set[str] = set(self.gitlinks)
        for path in self.files | self.gitlinks.keys():
            while (path := path.rpartition("/")[0]) and path not in found:
                found.add(path)
        return frozenset(found)


def parse_index(data: bytes) -> GitIndex:
    """Versions 2, 3 and 4. Raises IndexFormatError.

    Source: gitformat-index(5).
    """
    if len(data) < _HEADER.size:
        raise IndexFormatError("shorter than its header")
    magic, version, count = _HEADER.unpack_from(data)
    if magic != b"DIRC" or version not in (2, 3, 4):
        raise IndexFormatError(f"not an index of version 2 to 4 ({magic!r}, {version})")
    files: list[str] = []
    links: dict[str, str | None] = {}
    for path, mode, commit in _entries(data, version, count):
        if mode == _GITLINK:
            links[path] = commit
        else:
            files.append(path)
    return GitIndex(frozenset(files), links)


def _entries(data: bytes, version: int, count: int) -> Iterator[tuple[str, int, str | None]]:
    position, previous = _HEADER.size, b""
    for _ in range(count):
        start = position
        if start + _FIXED > len(data):
            raise IndexFormatError("ends within an entry")
        mode = _MODE.unpack_from(data, start + 24)[0]
        flags = _FLAGS.unpack_from(data, start + 60)[0]
        extended = version >= 3 and flags & 0x4000
        settled = mode == _GITLINK and not flags & _UNMERGED
        commit = data[start + 40 : start + 60].hex() if settled else None
        position = start + _FIXED + (2 if extended else 0)
        kept = 0
        if version == 4:
            dropped, position = _varint(data, position)
            kept = len(previous) - dropped
        end = data.find(b"\0", position)
        if end < 0 or not 0 <= kept <= len(previous):
            raise IndexFormatError("a path does not end")
        previous = previous[:kept] + data[position:end]
        position = end + 1 if version == 4 else start + ((end - start) // 8 + 1) * 8
        yield previous.decode("utf-8", "surrogateescape"), mode, commit


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Git's offset encoding: seven bits a byte, each continuation adding one."""
    value = 0
    for step in range(5):
        if position + step >= len(data):
            break
        byte = data[position + step]
        value = (value << 7) | (byte & 0x7F)
        if not byte & 0x80:
            return value, position + step + 1
        value += 1
    raise IndexFormatError("a path's prefix length does not end")


_SCP = re.compile(r"(?:[\w.-]+@)([\w.-]+):(?!/)(.+)")
_SSH = re.compile(r"(?:git\+)?ssh://(?:[\w.-]+@)?([\w.-]+)(?::\d+)?/(.+)", re.IGNORECASE)
# No user, password, blank or control character, the last not even as %0a.
_HTTPS = re.compile(r"(https://[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?)/((?!.*%[01])[!-\[\]-~]+)")


class Declared(Frozen):
    """One submodule. `path` is relative to the folder of the .gitmodules."""

    name: str
    path: str
    url: str | None
    line: int
    shallow: bool = False  # its latest commits are enough


def parse_gitmodules(text: str) -> list[Declared]:
    """Every section with a path that stays inside; others are left out, as git refuses them."""
    sections: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    for row in parse_config(text):
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

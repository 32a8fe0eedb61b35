"""Git's configuration syntax, as .gitmodules and .git/config have it. Includes are not followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = re.compile(r'\s*\[\s*([A-Za-z0-9-]+)(?:\.([^\]\s"]+)|\s*"((?:[^"\\]|\\.)*)")?\s*\]')
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?")
_CHARACTER = re.compile(r"\\(.)|(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


@dataclass(frozen=True)
class Setting:
    """One `key = value`. Section and key are in lower case; the subsection is as written.

    `line` is the section header's. A key without a value is "true".
    """

    section: str
    name: str | None
    key: str
    value: str
    line: int


def parse(text: str) -> Iterator[Setting]:
    """Every setting in order. A line that git would not accept is left out.

    Source: git-config(1), "Syntax".
    """
    section, name, header = "", None, 0
    for number, row in _rows(text):
        found = _HEADER.match(row)
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

"""The text of a source file such that writing it back gives the same bytes; a quick test for words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import AnyStr, NamedTuple

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class UndecodableText(ValueError):
    """A file that holds no text, whatever its name says."""


class Decoded(NamedTuple):
    """`text` keeps line endings and a byte-order mark; `text.encode(encoding)` is the file."""

    text: str
    encoding: str


def decode(data: bytes) -> Decoded:
    """UTF-8, else what a PEP 263 line declares, else Latin-1. Raises NotText for binary files."""
    if b"\0" in data[:8192]:
        raise UndecodableText("binary, not text")
    for encoding in ("utf-8", _declared(data), "latin-1"):
        try:
            text = data.decode(encoding)
            if encoding == "utf-8" or text.encode(encoding) == data:
                return Decoded(text, encoding)
        except (UnicodeError, LookupError):
            continue
    raise UndecodableText("no known encoding gives it back")


def _declared(data: bytes) -> str:
    for line in data.split(b"\n", 2)[:2]:
        if found := _COOKIE.match(line):
            return found.group(1).decode("ascii", "replace")
    return "latin-1"


_SHORT, _LONG = 2, 4  # letters by which words are grouped
_TOGETHER = 3  # beginnings that are worth one search by two letters that are common ones


def word_filter(words: Iterable[AnyStr], whole: Iterable[AnyStr] = ()) -> Callable[[AnyStr], bool]:
    """A test whether a text holds one of the words. whole: these not as the beginning of a longer one.

    Words are looked for by their beginning, since an expression that begins with a choice takes ten
    times as long. One that begins with a rare letter skips quicker than `in`, with a common one slower.
    """
    rows = {(word, False) for word in words} | {(word, True) for word in whole}
    heads = {word[:_LONG] for word, _ in rows}
    groups: dict[AnyStr, list[tuple[AnyStr, bool]]] = {}
    for word, is_whole in sorted(rows):
        alike = sum(head[:_SHORT] == word[:_SHORT] for head in heads)
        short = alike > 1 and (alike >= _TOGETHER or not word[:1].islower())
        groups.setdefault(word[: _SHORT if short else _LONG], []).append((word, is_whole))
    searches = [(_common([word for word, _ in group]), group) for group in groups.values()]
    tests = [_test(common, group) for common, group in searches]

    def holds(text: AnyStr) -> bool:
        return any((common is None or common in text) and search(text) for common, search in tests)

    return holds


def _common(words: list[AnyStr]) -> AnyStr:
    """The beginning that all of them have."""
    first, last = min(words), max(words)
    same = next((n for n in range(len(first)) if first[n : n + 1] != last[n : n + 1]), len(first))
    return first[:same]


def _test(
    common: AnyStr, words: list[tuple[AnyStr, bool]]
) -> tuple[AnyStr | None, Callable[[AnyStr], object]]:
    """What has to stand in a text first, where that is asked sooner; and the whole search."""
    rests = [(re.escape(word[len(common) :]), whole) for word, whole in words]
    sooner = common if common[:1].islower() and len(common) > _SHORT else None
    if isinstance(common, bytes):
        parts = b"|".join(rest + (rb"\b" if whole else b"") for rest, whole in rests)
        return sooner, re.compile(re.escape(common) + b"(?:" + parts + b")").search
    choice = "|".join(rf"{rest}\b" if whole else rest for rest, whole in rests)
    return sooner, re.compile(f"{re.escape(common)}(?:{choice})").search

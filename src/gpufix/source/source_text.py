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


_HEAD = 4  # letters by which words are searched together


def word_filter(words: Iterable[AnyStr], whole: bool = False) -> Callable[[AnyStr], bool]:
    """A test whether a text holds one of the words. whole: not as the beginning of a longer one.

    Words of one beginning are looked for by what they have in common, the longer the quicker, and
    only then by an expression; one expression for all words takes several times as long.
    """
    heads: dict[AnyStr, list[AnyStr]] = {}
    for word in words:
        heads.setdefault(word[:_HEAD], []).append(word)
    searches = [(_common(group), _search(group, whole)) for group in heads.values()]

    def holds(text: AnyStr) -> bool:
        for common, search in searches:
            if common in text and (search is None or search(text)):
                return True
        return False

    return holds


def _common(words: list[AnyStr]) -> AnyStr:
    """The beginning that all of them have."""
    first, last = min(words), max(words)
    same = next((n for n in range(len(first)) if first[n : n + 1] != last[n : n + 1]), len(first))
    return first[:same]


def _search(words: list[AnyStr], whole: bool) -> Callable[[AnyStr], object] | None:
    """None: the text holds the common beginning, and that is all that is asked."""
    common = _common(words)
    if common in words and not whole:
        return None
    rests = [re.escape(word[len(common) :]) for word in words]
    if isinstance(common, bytes):
        end = rb")\b" if whole else b")"
        return re.compile(re.escape(common) + b"(?:" + b"|".join(rests) + end).search
    return re.compile(
        re.escape(common) + "(?:" + "|".join(rests) + (r")\b" if whole else ")")
    ).search

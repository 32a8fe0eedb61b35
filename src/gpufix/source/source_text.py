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


_HEAD = 2  # letters: the words that share them are looked for together


def word_filter(words: Iterable[AnyStr], whole: Iterable[AnyStr] = ()) -> Callable[[AnyStr], bool]:
    """A test whether a text holds one of the words. whole: these not as the beginning of a longer one.

    An expression that begins with two literal letters skips as quickly as `in`; one that begins with
    a choice takes ten times as long. So there is one for each beginning.
    """
    heads: dict[AnyStr, set[tuple[AnyStr, bool]]] = {}
    for word, is_whole in [*((w, False) for w in words), *((w, True) for w in whole)]:
        heads.setdefault(word[:_HEAD], set()).add((word, is_whole))
    searches = [_search(group) for group in heads.values()]

    def holds(text: AnyStr) -> bool:
        for search in searches:
            if search(text):
                return True
        return False

    return holds


def _search(words: Iterable[tuple[AnyStr, bool]]) -> Callable[[AnyStr], object]:
    parts = sorted((re.escape(word[_HEAD:]), re.escape(word[:_HEAD]), end) for word, end in words)
    first = parts[0][1]
    if isinstance(first, bytes):
        rests = b"|".join(rest + (rb"\b" if end else b"") for rest, _, end in parts)
        return re.compile(first + b"(?:" + rests + b")").search
    return re.compile(
        first + "(?:" + "|".join(rest + (r"\b" if end else "") for rest, _, end in parts) + ")"
    ).search

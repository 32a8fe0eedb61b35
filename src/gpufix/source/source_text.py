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

    Words of one beginning are one search, which then skips from one such beginning to the next:
    several times as fast as one search for all, or one for each.
    """
    heads: dict[AnyStr, list[AnyStr]] = {}
    for word in words:
        heads.setdefault(word[:_HEAD], []).append(word)
    searches = [_search(head, group, whole) for head, group in heads.items()]
    return lambda text: any(search(text) for search in searches)


def _search(head: AnyStr, words: list[AnyStr], whole: bool) -> Callable[[AnyStr], object]:
    rests = [re.escape(word[len(head) :]) for word in words]
    if isinstance(head, bytes):
        end = rb")\b" if whole else b")"
        return re.compile(re.escape(head) + b"(?:" + b"|".join(rests) + end).search
    return re.compile(re.escape(head) + "(?:" + "|".join(rests) + (r")\b" if whole else ")")).search

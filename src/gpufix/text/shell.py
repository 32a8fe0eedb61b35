"""Command lines that a person may copy: no word of them acts on a terminal or ends a line."""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def quote(word: str) -> str:
    r"""As shlex.quote; a word with control, bidi or other unprintable characters as `$'a\x0ab'`.

    bash, zsh and ksh read that form, and so does POSIX since 2024.
    """
    if word.isprintable():
        return shlex.quote(word)
    return f"$'{''.join(map(_escaped, word.encode('utf-8', 'backslashreplace')))}'"


def _escaped(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"


def join(words: Iterable[str]) -> str:
    """The command line that has these words."""
    return " ".join(map(quote, words))

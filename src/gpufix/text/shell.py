"""Command lines that a person may copy: no word of them acts on a terminal or ends a line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable


def quote(word: str) -> str:
    r"""As shlex.quote; a word with control, bidi or other unprintable characters as `$'a\x0ab'`.

    bash, zsh and ksh read that form, and so does POSIX since 2024. Of a file's name that is no UTF-8
    the bytes are told.
    """
    if word.isprintable():
        return shlex.quote(word)
    try:
        data = word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # other surrogates: it is no name of a file
        data = word.encode("utf-8", "backslashreplace")
    return f"$'{''.join(map(_escaped, data))}'"


def _escaped(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"


_ON_A_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_AS_IT_IS = re.compile(r"[\w@%+=:,.\\/-]+")


def joined(words: Iterable[str], near: str) -> str:
    """As `join`, or for the shells of Windows where the path `near` begins with a drive.

    Double quotes mean the same to cmd and PowerShell; cmd starts no program whose path has a "/".
    """
    if not _ON_A_DRIVE.match(near):
        return join(words)
    parts = (w.replace("/", "\\") if _ON_A_DRIVE.match(w) else w for w in words)
    return " ".join(w if _AS_IT_IS.fullmatch(w) else f'"{w}"' for w in parts)


def join(words: Iterable[str]) -> str:
    """The command line that has these words."""
    return " ".join(map(quote, words))

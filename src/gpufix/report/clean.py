"""Untrusted text made fit for display: no control sequence reaches a terminal or a log parser."""

from __future__ import annotations

import unicodedata

# Cc: control, Cf: invisible formatting (bidi overrides), Zl/Zp: line separators, Cs: surrogates.
_UNSAFE = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co"}


def clean(text: str, keep_newlines: bool = False) -> str:
    r"""Replace what could act on a terminal by its escape ("\x1b", "\u202e")."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c, keep_newlines) for c in text)


def _shown(char: str, keep_newlines: bool) -> str:
    if char == "\n" and keep_newlines:
        return char
    if unicodedata.category(char) not in _UNSAFE:
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )

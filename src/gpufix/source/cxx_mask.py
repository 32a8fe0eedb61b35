"""C++ and CUDA text with comments blanked and literals emptied, offset for offset."""

from __future__ import annotations

import re

# Every branch consumes up to the end of the text when its own end is missing: linear time.
_TOKEN = re.compile(
    r"//(?:\\\r?\n|[^\n])*"
    r"|/\*(?:.*?\*/|.*)"
    r'|"(?:(?<=R")(?P<delimiter>[^()\\\s"]{0,16})\((?:.*?\)(?P=delimiter)"|.*)'
    r'|(?:\\.|[^"\\\n])*"?)'
    r"|'(?:(?<![0-9A-Fa-f]')(?:\\.|[^'\\\n])*'?)?",
    re.DOTALL,
)
_VISIBLE = re.compile(r"[^\r\n]+")


def mask(text: str) -> str:
    """The same length and line ends: comments become spaces, literals keep their quotes alone."""
    masked = _TOKEN.sub(_blank, text)
    return " " + masked[1:] if masked.startswith("\ufeff") else masked


def _blank(match: re.Match[str]) -> str:
    token = match[0]
    if token == "'":  # a digit separator
        return token
    if token[0] == "/" and token[1:2] in ("/", "*"):
        return blanked(token)
    return token[0] + blanked(token[1:-1]) + token[-1] if len(token) > 1 else token


def blanked(text: str) -> str:
    """Spaces of the same length; line ends stay."""
    return _VISIBLE.sub(lambda match: " " * len(match[0]), text)

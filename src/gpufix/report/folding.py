"""Lines folded between words: nothing is broken inside a word, a path or a version."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

_WORD = re.compile(r"\s*\S+\s*")


def fold(text: str, width: int) -> list[int]:
    """Where the lines of a text without newlines begin, after the first."""
    starts: list[int] = []
    used = 0
    for found in _WORD.finditer(text):
        word = found[0]
        if used and used + cell_len(word.rstrip()) > width:
            starts.append(found.start())
            used = 0
        used += cell_len(word)
    return starts


def folded(text: Text, width: int) -> Iterator[Text]:
    """The lines, with their styles; a word that is wider than a line has one for itself."""
    for paragraph in text.split("\n", allow_blank=True):
        lines = paragraph.divide(fold(paragraph.plain, width))
        for line in lines:
            line.rstrip()
            yield line


def plain(text: str, width: int) -> list[str]:
    """The lines of unstyled text."""
    return [line.plain for line in folded(Text(text), width)]


_ARGUMENT = re.compile(r"(?:'[^']*'|\"[^\"]*\"|\\.|[^\s'\"\\])+")


def continued(command: str, lead: str, width: int) -> list[str]:
    r"""A command line on several lines of a terminal, ended by `\` between its words.

    It may be copied as it stands: the shell joins the lines. A word is never broken.
    """
    words = _ARGUMENT.findall(command)
    if cell_len(lead + command) <= width or " ".join(words) != command:
        return [lead + command]
    lines, line = [], lead
    for number, word in enumerate(words):
        last = number == len(words) - 1
        room = width - (0 if last else 2)
        if line.strip(" $") and cell_len(line) + 1 + cell_len(word) > room:
            lines.append(line + " \\")
            line = " " * max(0, min(len(lead) + 2, width - 2 - cell_len(word))) + word
        else:
            line = line + word if line == lead else f"{line} {word}"
    return [*lines, line]

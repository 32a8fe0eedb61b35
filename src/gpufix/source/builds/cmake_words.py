"""Arguments as CMake evaluates them: references, escapes and lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from gpufix.source.builds.run import UNKNOWN_PART, Place

Lookup = Callable[[str, str], str]  # ("", "ENV" or "CACHE"; a name) -> its text

_PLAIN = re.compile(r"[^\\$}]+")
_DEEPEST = 40  # references within references
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r"}


class Word(NamedTuple):
    """One evaluated argument. A word that is an unknown part alone, without quotes, may be none or many."""

    text: str
    quoted: bool
    places: tuple[Place, ...] = ()

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return UNKNOWN_PART not in self.text

    @property
    def open(self) -> bool:
        """Whether it may be no argument, or several."""
        return not self.quoted and not self.known


def expand(text: str, lookup: Lookup) -> str:
    """A text with its references replaced and its escapes resolved; "\\;" stays as it is."""
    if "$" not in text and "\\" not in text:
        return text
    stack: list[tuple[str, list[str]]] = [("", [])]
    at = 0
    while at < len(text):
        if plain := _PLAIN.match(text, at):
            stack[-1][1].append(plain[0])
            at = plain.end()
        elif text[at] == "\\":
            stack[-1][1].append(_escaped(text[at + 1 : at + 2]))
            at += 2
        elif text[at] == "}":
            at += 1
            if len(stack) == 1:
                stack[-1][1].append("}")
                continue
            kind, parts = stack.pop()
            name = "".join(parts)
            stack[-1][1].append(UNKNOWN_PART if UNKNOWN_PART in name else lookup(kind, name))
        elif opener := re.compile(r"\$(ENV|CACHE)?\{").match(text, at):
            if len(stack) > _DEEPEST:
                return UNKNOWN_PART
            stack.append((opener[1] or "", []))
            at = opener.end()
        else:
            stack[-1][1].append("$")
            at += 1
    return "".join(stack[0][1]) if len(stack) == 1 else UNKNOWN_PART


def _escaped(after: str) -> str:
    if after == ";":
        return "\\;"
    if after == "\n":
        return ""
    return _ESCAPES.get(after, after)


def elements(text: str) -> list[str]:
    """The elements of a list, empty ones too; none of an empty text."""
    if not text:
        return []
    if "[" not in text and "\\;" not in text:
        return text.split(";")
    found, part, nested, at = [], [], 0, 0
    while at < len(text):
        char = text[at]
        if char == "\\" and text[at + 1 : at + 2] == ";":
            part.append(";" if not nested else "\\;")
            at += 2
            continue
        nested += (char == "[") - (char == "]")
        if char == ";" and nested == 0:
            found.append("".join(part))
            part = []
        else:
            part.append(char)
        at += 1
    return [*found, "".join(part)]


def split(text: str) -> list[str]:
    """The arguments that an unquoted one stands for."""
    return [part for part in elements(text) if part]


def separate(text: str) -> list[str]:
    """The words of a command line, as separate_arguments(UNIX_COMMAND) and the shell split it."""
    pieces = re.findall(
        r"(?:[^\s\"'\\]|\\.|\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\"'\\])+", text, re.DOTALL
    )
    quotes = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|\\(.)", re.DOTALL)
    return [quotes.sub(_unquoted, piece) for piece in pieces]


def _unquoted(piece: re.Match[str]) -> str:
    if piece[1] is not None:
        return re.sub(r"\\([\"\\$`])", r"\1", piece[1])
    return piece[2] if piece[2] is not None else piece[3]

"""The lines of a Makefile: logical lines, what they are, and the words of a reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_ASSIGN = re.compile(
    r"(?:(?:export|override|private)[ \t]+)*([^\s:#=+?!][^\s:#=+?!]*)[ \t]*(:::?=|::?=|\+=|\?=|!=|=)[ \t]*(.*)",
    re.DOTALL,
)
_WORD = re.compile(r"[\w.-]+")
_CONDITIONS = ("ifeq", "ifneq", "ifdef", "ifndef", "else", "endif")
_BRACKETS = {"(": re.compile(r"[()]"), "{": re.compile(r"[{}]")}
_REACH = 1 << 14  # characters of one reference
_LONGEST = 1 << 16  # characters of a logical line

Kind = Literal["assign", "condition", "include", "rule", "recipe", "call", "other"]


class Line(NamedTuple):
    """A logical line. `parts`: name, operator and value; word and rest; targets and prerequisites."""

    kind: Kind
    number: int
    parts: tuple[str, ...]


def lines(text: str) -> Iterator[Line]:
    """The logical lines of a Makefile. Those behind a tab belong to the rule before them."""
    rule = False
    for number, raw in _joined(text):
        if raw.startswith("\t") and rule:
            yield Line("recipe", number, (raw[1:],))
            continue
        plain = _uncommented(raw).lstrip()
        if not plain.strip():
            continue
        line = _line(number, plain)
        rule = line.kind == "rule" or (rule and line.kind == "condition")
        yield line
        if line.kind == "rule" and len(line.parts) == 3:
            yield Line("recipe", number, (line.parts[2],))


def _joined(text: str) -> Iterator[tuple[int, str]]:
    held, begun, defining = "", 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if defining:  # define NAME … endef
            if line.strip() == "endef":
                yield begun, defining
                defining = ""
            else:
                defining += ("" if defining.endswith("= ") else "\n") + line
            continue
        whole = held + line
        begun = begun if held else number
        if whole.endswith("\\") and len(whole) < _LONGEST:
            held = whole if whole.startswith("\t") else whole[:-1].rstrip() + " "
            held += "\n" if whole.startswith("\t") else ""
            continue
        held = ""
        if match := re.fullmatch(r"(?:override[ \t]+)?define[ \t]+(\S+)[ \t]*=?[ \t]*", whole):
            defining = f"{match[1]} = "
            continue
        yield begun, whole


def _uncommented(line: str) -> str:
    """A line up to its comment; "#" inside a reference begins none."""
    depth = 0
    for at, sign in enumerate(line):
        if sign in "({" and at and (depth or line[at - 1] == "$"):
            depth += 1
        elif sign in ")}" and depth:
            depth -= 1
        elif sign == "#" and not depth and (not at or line[at - 1] != "\\"):
            return line[:at]
    return line


def _line(number: int, whole: str) -> Line:
    plain = whole.strip()
    word = _WORD.match(plain)
    first = word[0] if word else ""
    rest = plain[len(first) :].strip()
    if first in _CONDITIONS:
        return Line("condition", number, (first, rest))
    if first in ("include", "-include", "sinclude") and not rest.startswith((":", "=")):
        return Line("include", number, (first, rest))
    if match := _ASSIGN.fullmatch(whole):  # blanks at the end belong to the value
        return Line("assign", number, (match[1], match[2], match[3]))
    colon = _colon(plain)
    if colon < 0:
        kind: Kind = "call" if plain.startswith("$") else "other"
        return Line(kind, number, (plain,))
    targets, behind = plain[:colon].strip(), plain[colon:].lstrip(":").strip()
    before, mark, recipe = _split(behind, ";")
    return Line("rule", number, (targets, before.strip(), *((recipe.strip(),) if mark else ())))


def _colon(text: str) -> int:
    depth = 0
    for at, sign in enumerate(text):
        if sign in "({":
            depth += 1
        elif sign in ")}":
            depth -= 1
        elif sign == ":" and depth <= 0:
            return at
    return -1


def _split(text: str, mark: str) -> tuple[str, str, str]:
    depth = 0
    for at, sign in enumerate(text):
        if sign in "({":
            depth += 1
        elif sign in ")}":
            depth -= 1
        elif sign == mark and depth <= 0:
            return text[:at], mark, text[at + 1 :]
    return text, "", ""


def reference(text: str, at: int) -> tuple[str, int]:
    """What stands in the brackets that open at a place, and the place behind them.

    All of what follows, where they stay open for too long.
    """
    opening, depth = text[at], 0
    for sign in _BRACKETS[opening].finditer(text, at, at + _REACH):
        depth += 1 if sign[0] == opening else -1
        if not depth:
            return text[at + 1 : sign.start()], sign.end()
    return text[at + 1 : at + _REACH], len(text)


def arguments(text: str, most: int = 0) -> list[str]:
    """The arguments of a function, split at commas outside of brackets. most: the last takes the rest."""
    found: list[str] = []
    depth = start = 0
    for at, sign in enumerate(text):
        if sign in "({":
            depth += 1
        elif sign in ")}":
            depth -= 1
        elif sign == "," and depth <= 0 and (not most or len(found) < most - 1):
            found.append(text[start:at])
            start = at + 1
    return [*found, text[start:]]

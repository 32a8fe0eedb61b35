"""A C++, CUDA or HIP source as a compiler sees it: comments masked, directives, conditions, brackets."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from gpufix.frozen import Frozen

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
    if token[0] == "/":
        return blanked(token)
    if len(token) < 3:  # one sign is a digit separator
        return token
    return token[0] + blanked(token[1:-1]) + token[-1]


def blanked(text: str) -> str:
    """Spaces of the same length; line ends stay."""
    if "\n" not in text and "\r" not in text:
        return " " * len(text)
    return _VISIBLE.sub(lambda match: " " * len(match[0]), text)


Guards = tuple[str, ...]  # all must hold; each is a preprocessor expression

# From the number sign on: a search for a literal is quick. A line ends at its first bare newline.
_DIRECTIVE = re.compile(r"#[ \t]*([a-z_]+)([^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*)")
_BLOCK_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_SPLICE = re.compile(r"\\\r?\n")
_NOT_DEFINED = re.compile(r"\s*!\s*defined\s*\(?\s*(\w+)\s*\)?\s*")
_DEEPEST = 32
_UNKNOWN = "?"  # no expression: evaluates to unknown


class Directive(NamedTuple):
    """One preprocessor line. `text` is what follows its name, continuation lines joined; without
    comments and the contents of literals where it is an expression or a definition."""

    name: str
    text: str
    start: int
    end: int


class Conditions(Frozen):
    """`guards[i]` holds from offset `starts[i]` on, up to the next."""

    starts: tuple[int, ...]
    guards: tuple[Guards, ...]

    def at(self, offset: int) -> Guards:
        """The conditions under which the character at `offset` is compiled."""
        return self.guards[bisect_right(self.starts, offset) - 1]


def directives(masked: str) -> list[Directive]:
    """Every preprocessor line of a masked text, in order."""
    return [
        Directive(m[1], _SPLICE.sub(" ", m[2]).strip(), start, m.end())
        for start, m in _lines(masked)
    ]


def unmasked(text: str) -> list[Directive] | None:
    """The same of a text as it stands, several times as fast; None = it has to be masked first.

    A number sign that begins a line is a directive unless a block comment, a raw string or a
    spliced line reaches over it. A comment that begins inside of anything else reaches too far
    here, never too short: a line outside of all of them is outside of the true ones.
    """
    if 'R"' in text:
        return None
    comments = _BLOCK_COMMENT.finditer(text) if "/*" in text else iter(())
    comment = next(comments, None)
    found = []
    for start, line in _lines(text):
        while comment and comment.end() <= start:
            comment = next(comments, None)
        before = text[max(0, start - 3) : start]
        if (comment and comment.start() < start) or before.endswith(("\\\n", "\\\r\n")):
            return None
        name, body = line.groups()
        if name != "include":
            if "//" in body or "/*" in body or '"' in body or "'" in body:
                body = mask(body)
            if "\\" in body:
                body = _SPLICE.sub(" ", body)
        found.append(Directive(name, body.strip(), start, line.end()))
    return found


def _lines(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """(where its line begins, match) of each directive."""
    for match in _DIRECTIVE.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        if start == match.start() or not text[start : match.start()].strip(" \t\ufeff"):
            yield start, match


def conditions(lines: list[Directive]) -> Conditions:
    """The conditions of every part of a file. An include guard is none."""
    starts, guards = [0], [Guards()]
    stack: list[tuple[list[str], str]] = []  # conditions of the branches before, and the one open
    for index, line in enumerate(lines):
        if line.name in ("if", "ifdef", "ifndef"):
            stack.append(([], "1" if _is_include_guard(lines, index) else _condition(line)))
        elif line.name in ("elif", "elifdef", "elifndef", "else") and stack:
            before, current = stack.pop()
            before = [*before, current] if len(before) < _DEEPEST else [_UNKNOWN]
            stack.append((before, "1" if line.name == "else" else _condition(line)))
        elif line.name == "endif" and stack:
            stack.pop()
        else:
            continue
        starts.append(line.end)
        guards.append(_flat(stack))
    return Conditions(tuple(starts), tuple(guards))


def _flat(stack: list[tuple[list[str], str]]) -> Guards:
    if len(stack) > _DEEPEST:
        return (_UNKNOWN,)
    parts = [f"!({c})" for before, _ in stack for c in before]
    return tuple(parts + [current for _, current in stack if current != "1"])


def _condition(line: Directive) -> str:
    name = re.match(r"\w+", line.text)
    if line.name in ("ifdef", "elifdef"):
        return f"defined({name[0]})" if name else _UNKNOWN
    if line.name in ("ifndef", "elifndef"):
        return f"!defined({name[0]})" if name else _UNKNOWN
    return line.text[:1000] or _UNKNOWN


def _is_include_guard(lines: list[Directive], index: int) -> bool:
    """`#ifndef X` or `#if !defined(X)` whose very next line is `#define X`, without a value."""
    tested = lines[index]
    found = _NOT_DEFINED.fullmatch(tested.text) if tested.name == "if" else None
    name = found[1] if found else tested.text if tested.name == "ifndef" else None
    if name is None or index + 1 >= len(lines):
        return False
    following = lines[index + 1]
    return following.name == "define" and following.text.split()[:1] == [name]


def alternatives(lines: list[Directive]) -> Iterator[tuple[int, int]]:
    """Spans of all but the first branch of each condition (of `#if 0`: the first branch)."""
    stack: list[tuple[int | None, bool]] = []  # where a skipped branch began, and was one taken
    for line in lines:
        if line.name in ("if", "ifdef", "ifndef"):
            dead = line.name == "if" and line.text == "0"
            stack.append((line.end if dead else None, not dead))
        elif line.name in ("elif", "elifdef", "elifndef", "else", "endif") and stack:
            begin, taken = stack.pop()
            if begin is not None:
                yield begin, line.start
            if line.name != "endif":
                stack.append((line.end if taken else None, True))


_NAME = re.compile(r"[A-Za-z_]\w*")
_BRACKET = re.compile(r"[(){}\[\]]")
_PAIRS = {")": "(", "}": "{", "]": "["}
_INCLUDE = re.compile(r"#[ \t]*include(?:_next)?[ \t]*([<\"])([^>\"\n]+)[>\"]")
_DEFINITION = re.compile(r"(\w+)(\(?)[ \t]*(.*)")


class CxxCode:
    """One source text. Offsets of all derived texts agree with the original's."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._counted = (0, 1)  # an offset and its line, from which the next are counted

    @cached_property
    def masked(self) -> str:
        """The text without its comments and the contents of its literals."""
        return mask(self.text)

    @cached_property
    def directives(self) -> list[Directive]:
        """The preprocessor lines in order; their text is masked."""
        quick = unmasked(self.text)
        return directives(self.masked) if quick is None else quick

    @cached_property
    def conditions(self) -> Conditions:
        """Under which preprocessor conditions each offset is compiled."""
        return conditions(self.directives)

    @cached_property
    def structure(self) -> str:
        """The masked text without directives, and with one branch of each condition alone."""
        text, pieces, position = self.masked, [], 0
        spans = [(d.start, d.end) for d in self.directives]
        for start, end in sorted([*spans, *alternatives(self.directives)]):
            if end <= position:
                continue
            start = max(start, position)
            pieces += [text[position:start], blanked(text[start:end])]
            position = end
        return "".join([*pieces, text[position:]])

    def line(self, offset: int) -> int:
        """The line of an offset, from 1."""
        if offset < self._counted[0]:
            self._counted = (0, 1)
        begin, line = self._counted
        line += self.text.count("\n", begin, offset)
        self._counted = (offset, line)
        return line

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name and keyword of the text, comments included."""
        return frozenset(_NAME.findall(self.text))

    @cached_property
    def brackets(self) -> dict[int, int]:
        """Offsets of opening brackets -> offsets of their closing ones, in `structure`."""
        found: dict[int, int] = {}
        opened: list[tuple[str, int]] = []
        for match in _BRACKET.finditer(self.structure):
            bracket = match[0]
            if bracket in "({[":
                opened.append((bracket, match.start()))
            elif opened and opened[-1][0] == _PAIRS[bracket]:
                found[opened.pop()[1]] = match.start()
        return found

    @cached_property
    def includes(self) -> list[tuple[Directive, str, bool]]:
        """Each `#include`: its directive, the name, and whether it is quoted."""
        found = []
        for line in self.directives:
            if line.name not in ("include", "include_next"):
                continue
            at = self.text.find("#", line.start)  # blanks or a byte-order mark stand before
            if match := _INCLUDE.match(self.text, at):
                found.append((line, match[2].strip(), match[1] == '"'))
        return found

    @cached_property
    def definitions(self) -> dict[str, str]:
        """Macros: name -> body, "?" for those with arguments or with several definitions."""
        found: dict[str, str] = {}
        for line in self.directives:
            match = _DEFINITION.match(line.text) if line.name == "define" else None
            if match:
                unknown = match[1] in found or match[2]
                found[match[1]] = "?" if unknown else match[3][:200]
        return found

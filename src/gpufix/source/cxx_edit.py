"""Edits of C++ sources as replacements of spans: nothing else of the text changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gpufix.source.cxx_code import Code
from gpufix.source.cxx_directives import Directive, Guards

Live = Callable[[Guards], bool]


@dataclass(frozen=True, order=True)
class Edit:
    """Put `text` in the place of [start, end)."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after the edits; of overlapping ones the first counts."""
    pieces, position = [], 0
    for edit in sorted(set(edits)):
        if edit.start < position:
            continue
        pieces += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*pieces, text[position:]])


def newline(text: str) -> str:
    """The line ending of most lines."""
    crlf = text.count("\r\n")
    return "\r\n" if crlf and 2 * crlf >= text.count("\n") else "\n"


def include(code: Code, line: str) -> list[Edit]:
    """Insert an `#include` before the first unconditional one, else below the include guard."""
    if _has(code, line):
        return []
    end = newline(code.text)
    first = next((d for d, _, _ in code.includes if not _guards(code, d)), None)
    if first is not None:
        begin = _line_start(code, first.start)
        return [Edit(begin, begin, line + end)]
    return [_below_guard(code, line)]


def below_includes(code: Code, lines: str, before: int) -> list[Edit]:
    """Insert lines below the last unconditional `#include` that stands above an offset."""
    if not lines or lines in code.text:
        return []
    end = newline(code.text)
    last = None
    for directive, _, _ in code.includes:
        if directive.end <= before and not _guards(code, directive):
            last = directive
    if last is None:
        return [_below_guard(code, lines)]
    at = _next_line(code, last.end)
    lead = end if at == len(code.text) and not code.text.endswith("\n") else ""
    return [Edit(at, at, lead + lines.replace("\n", end) + end)]


def _below_guard(code: Code, lines: str) -> Edit:
    end = newline(code.text)
    at = 1 if code.text.startswith("\ufeff") else 0
    first = code.directives[:2]
    if first and first[0].name == "pragma" and first[0].text == "once":
        at = _next_line(code, first[0].end)
    elif len(first) == 2 and first[1].name == "define" and not _guards(code, first[1]):
        at = _next_line(code, first[1].end)
    return Edit(at, at, lines.replace("\n", end) + end)


def _has(code: Code, line: str) -> bool:
    wanted = re.sub(r"\s", "", line)
    return any(
        re.sub(r"\s", "", code.text[d.start : d.end]).startswith(wanted)
        for d, _, _ in code.includes
        if not _guards(code, d)
    )


def _guards(code: Code, directive: Directive) -> Guards:
    return code.conditions.at(directive.start)


def _line_start(code: Code, offset: int) -> int:
    start = code.text.rfind("\n", 0, offset) + 1
    return 1 if start == 0 and code.text.startswith("\ufeff") else start


def _next_line(code: Code, offset: int) -> int:
    end = code.text.find("\n", offset)
    return len(code.text) if end < 0 else end + 1


def replaced(code: Code, pattern: str, text: str, live: Live) -> list[Edit]:
    """Put `text` for the first group of each match in code that is compiled."""
    return [
        Edit(m.start(1), m.end(1), text)
        for m in re.finditer(pattern, code.masked)
        if live(code.conditions.at(m.start(1)))
    ]

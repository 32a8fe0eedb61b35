"""A C++, CUDA or HIP source, seen as what a compiler would see: lines, brackets, conditions."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from gpufix.source.cxx_directives import (
    Conditions,
    Directive,
    alternatives,
    conditions,
    directives,
)
from gpufix.source.cxx_mask import blanked, mask

_BRACKET = re.compile(r"[(){}\[\]]")
_PAIRS = {")": "(", "}": "{", "]": "["}
_INCLUDE = re.compile(r"[ \t]*#[ \t]*include(?:_next)?[ \t]*([<\"])([^>\"\n]+)[>\"]")


class Code:
    """One source text. Offsets of all derived texts agree with the original's."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.masked = mask(text)
        self.directives: list[Directive] = directives(self.masked)

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

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(m.end() for m in re.finditer("\n", self.text))]

    def line(self, offset: int) -> int:
        """The line of an offset, from 1."""
        return bisect_right(self._lines, offset)

    @cached_property
    def brackets(self) -> dict[int, int]:
        """Offsets of opening brackets -> offsets of their closing ones, in `structure`."""
        found: dict[int, int] = {}
        open_at: list[int] = []
        for match in _BRACKET.finditer(self.structure):
            if match[0] not in _PAIRS:
                open_at.append(match.start())
            elif open_at and self.structure[open_at[-1]] == _PAIRS[match[0]]:
                found[open_at.pop()] = match.start()
        return found

    def includes(self) -> list[tuple[Directive, str, bool]]:
        """Each `#include`: its directive, the name, and whether it is quoted."""
        found = []
        for line in self.directives:
            at = max(line.start, self.text.find("#", line.start))  # a byte-order mark stands before
            match = line.name == "include" and _INCLUDE.match(self.text, at)
            if match:
                found.append((line, match[2].strip(), match[1] == '"'))
        return found

    def definitions(self) -> dict[str, str]:
        """Macros: name -> body, "?" for those with arguments or with several definitions."""
        found: dict[str, str] = {}
        for line in self.directives:
            match = re.match(r"(\w+)(\(?)[ \t]*(.*)", line.text) if line.name == "define" else None
            if match:
                unknown = match[1] in found or match[2]
                found[match[1]] = "?" if unknown else match[3][:200]
        return found

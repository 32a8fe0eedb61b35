"""A C++, CUDA or HIP source, seen as what a compiler would see: lines, brackets, conditions."""

from __future__ import annotations

import re
from functools import cached_property

from gpufix.source.cxx_directives import (
    Conditions,
    Directive,
    alternatives,
    conditions,
    directives,
    unmasked,
)
from gpufix.source.cxx_mask import blanked, mask

_BRACKET = re.compile(r"[(){}\[\]]")
_PAIRS = {")": "(", "}": "{", "]": "["}
_INCLUDE = re.compile(r"#[ \t]*include(?:_next)?[ \t]*([<\"])([^>\"\n]+)[>\"]")
_DEFINITION = re.compile(r"(\w+)(\(?)[ \t]*(.*)")


class Code:
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

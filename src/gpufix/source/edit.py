"""Edits of a text by offsets; everything outside them stays byte for byte."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Edit:
    """Replace text[start:end]."""

    start: int
    end: int
    text: str


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits. Raises ValueError when two overlap."""
    parts: list[str] = []
    position = 0
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end)):
        if edit.start < position:
            raise ValueError("edits overlap")
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


class Offsets:
    """Places of syntax nodes (line, UTF-8 column) as offsets in a text that was parsed."""

    def __init__(self, text: str) -> None:
        self._mark = 1 if text.startswith("\ufeff") else 0
        self._lines = _lines(text[self._mark :])
        self._starts = [self._mark]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def at(self, line: int, column: int) -> int:
        """The offset of a line (from 1) and a column in UTF-8 bytes (from 0)."""
        row = self._lines[line - 1]
        return self._starts[line - 1] + len(row.encode("utf-8")[:column].decode("utf-8", "ignore"))

    def of(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Start and end of a node."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.at(node.lineno, node.col_offset), self.at(end_line, end_column)

    def line_start(self, line: int) -> int:
        """The offset of a line's first character."""
        return self._starts[line - 1]


def _lines(text: str) -> list[str]:
    """Lines as Python counts them: form feeds and other Unicode breaks end none."""
    return [*_LINE.findall(text), ""]

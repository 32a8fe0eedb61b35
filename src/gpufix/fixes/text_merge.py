"""Two edits of one text, each made alone, as one text; None when they touch the same lines."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import NamedTuple


class _Edit(NamedTuple):
    """Lines `start` to `end` of the base are replaced; an insertion has start == end."""

    start: int
    end: int
    lines: tuple[str, ...]


def merged(base: str, one: str, other: str) -> str | None:
    """Both changes on the base. Equal ones count once; insertions at one place contradict."""
    if one == other:
        return one
    lines = base.splitlines(keepends=True)
    edits = sorted({*_edits(lines, one), *_edits(lines, other)})
    out: list[str] = []
    position = 0
    previous: _Edit | None = None
    for edit in edits:
        if edit.start < position or (previous and edit.start == previous.start):
            return None
        out += [*lines[position : edit.start], *edit.lines]
        position, previous = edit.end, edit
    return "".join([*out, *lines[position:]])


def _edits(base: list[str], changed: str) -> set[_Edit]:
    lines = changed.splitlines(keepends=True)
    rows = SequenceMatcher(None, base, lines, autojunk=False).get_opcodes()
    return {_Edit(a, b, tuple(lines[c:d])) for kind, a, b, c, d in rows if kind != "equal"}

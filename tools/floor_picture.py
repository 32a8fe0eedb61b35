"""Draws the floors of tools/floors.toml: the highest on top, packages of one floor side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Any

WIDTH = 98  # columns between the outer walls
NAME = 13  # columns of the longest package's name, and a blank


def picture(floors: Sequence[dict[str, Any]]) -> str:
    """The drawing, in box characters, without a newline at its end."""
    rooms = [floor["packages"] for floor in reversed(floors)]
    widths = [_widths(len(packages)) for packages in rooms]
    lines = []
    for above, below, packages in zip([[], *widths], widths, rooms, strict=False):
        lines += [_ceiling(above, below), *_room(packages, below)]
    return "\n".join([*lines, _ceiling(widths[-1], [])])


def _widths(count: int) -> list[int]:
    inside = WIDTH - (count - 1)
    return [inside // count + (i < inside % count) for i in range(count)]


def _room(packages: dict[str, str], widths: Sequence[int]) -> list[str]:
    cells = []
    for (name, words), width in zip(packages.items(), widths, strict=True):
        text = wrap(words, width - NAME - 3)
        cells.append(
            [f"{head:{NAME}} {line}" for head, line in zip_longest([name], text, fillvalue="")]
        )
    return [
        "│" + "│".join(f" {line:{w - 1}}" for line, w in zip(row, widths, strict=True)) + "│"
        for row in zip_longest(*cells, fillvalue="")
    ]


def _ceiling(above: Sequence[int], below: Sequence[int]) -> str:
    """The line between two floors, with a joint where a wall meets it."""
    up, down = _walls(above), _walls(below)
    middle = "".join("─┴┬┼"[(x in up) + 2 * (x in down)] for x in range(WIDTH))
    left, right = ("┌", "┐") if not above else ("└", "┘") if not below else ("├", "┤")
    return left + middle + right


def _walls(widths: Sequence[int]) -> set[int]:
    """The columns of the inner walls."""
    ends = [sum(widths[: i + 1]) + i for i in range(len(widths))]
    return set(ends[:-1])

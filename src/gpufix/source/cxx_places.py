"""Rows for names found in a source: where, and under which conditions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpufix.source.cxx_code import Code
from gpufix.source.cxx_directives import Guards

_PLACES = 12  # of one name under one condition


def places(code: Code, spans: Iterable[tuple[str, int]]) -> list[list[Any]]:
    """[name, line, guards] of (name, offset)."""
    found: list[list[Any]] = []
    seen: dict[tuple[str, Guards], int] = {}
    for name, offset in spans:
        guards = code.conditions.at(offset)
        seen[name, guards] = seen.get((name, guards), 0) + 1
        if seen[name, guards] <= _PLACES:
            found.append([name, code.line(offset), list(guards)])
    return found

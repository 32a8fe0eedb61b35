"""Standard names that a translation unit uses before anything declares them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gpufix.checks import cxx_view
from gpufix.checks.removed_cuda_api import header_ends, resolve
from gpufix.checks.source_view import carried
from gpufix.knowledge.std_includes import NEEDS, Need
from gpufix.view import View

_STEPS = 200_000  # includes followed in one project


@dataclass(frozen=True)
class Missing:
    """A name without its header. `unit` is the source in which the header file is compiled."""

    path: str
    name: str
    line: int
    header: str
    since: int | None
    unit: str | None


def missing(view: View) -> list[Missing]:
    """The first such use of each file and header."""
    found: dict[tuple[str, str], Missing] = {}
    kinds = _units(view)
    for need in NEEDS:
        walk = _Walk(view, need)
        if not any(need.header in f.get("needs", {}) for f in walk.files.values()):
            continue
        for path, kind in cxx_view.kinds(view).items():
            if kind in kinds and not path.endswith(".cuh"):
                for row in walk.unit(path):
                    found.setdefault((row.path, row.header), row)
    return [row for row in found.values() if not carried(row.path)]


def _units(view: View) -> tuple[str, ...]:
    """Kinds of sources to follow. What hipcc compiles begins with <stdint.h>, by HIP's headers."""
    torch = view.facts.torch
    return ("cpp",) if torch and torch.hip else ("cuda", "cpp")


class _Walk:
    """Follows the includes of one unit after the other."""

    def __init__(self, view: View, need: Need) -> None:
        self.view, self.need = view, need
        self.files = cxx_view.files(view)
        self.by_end = view.derive(header_ends)
        self.steps = 0

    def unit(self, path: str) -> Iterator[Missing]:
        """Uses in this source and the project's headers before the name is declared."""
        passes = cxx_view.cuda_passes(self.view, cxx_view.kinds(self.view).get(path))
        seen: set[str] = set()
        stack = [self._events(path, passes)]
        names = [path]
        seen.add(path)
        while stack and self.steps < _STEPS:
            event = next(stack[-1], None)
            if event is None:
                stack.pop()
                names.pop()
                continue
            self.steps += 1
            is_include, name, line = event
            if not is_include:
                yield self._row(names[-1], name, line, path)
                return
            header = resolve(names[-1], name, self.by_end)
            if header is None:
                if name not in self.need.silent:
                    return  # it declares the names, or may
            elif header not in seen:
                seen.add(header)
                stack.append(self._events(header, passes))
                names.append(header)

    def _row(self, path: str, name: str, line: int, unit: str) -> Missing:
        need = self.need
        other = None if unit == path else unit
        return Missing(path, name, line, need.header, need.since, other)

    def _events(self, path: str, passes: list[cxx_view.Macros]) -> Iterator[tuple[bool, str, int]]:
        """(is an include, name, line) in order. What may not be compiled is no use, but may
        include."""
        facts: dict[str, Any] = self.files.get(path, {})
        rows = [
            (line, True, name)
            for name, _, line, guards in facts.get("includes", [])
            if cxx_view.live(facts, guards, passes) is not False
        ]
        rows += [
            (line, False, name)
            for name, line, guards in facts.get("needs", {}).get(self.need.header, [])
            if cxx_view.live(facts, guards, passes)
        ]
        return iter([(is_include, name, line) for line, is_include, name in sorted(rows)])

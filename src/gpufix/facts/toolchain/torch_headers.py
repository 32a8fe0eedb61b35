"""Which C++ the headers of an installed torch are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from gpufix.files import read

_LIMIT = 4 << 20
_MOST = 1_500  # headers that are read for one answer
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)[ \t]*(.*?)[ \t]*$", re.M)
_REFUSES = re.compile(r"(?:!\s*defined\s*\(?\s*_MSC_VER\s*\)?\s*&&\s*)?__cplusplus\s*<\s*(\d{6})L?")
_INCLUDED = re.compile(r"[<\"]([^>\"]+)[>\"]")
_STANDARDS = {201103: 11, 201402: 14, 201703: 17, 202002: 20, 202302: 23}
# A header's first line: it is read once, or is not meant for who defines a macro.
_WHOLE = re.compile(r"!\s*(?:defined\s*)?\(?\w+\)?(?:\s*&&\s*!\s*defined\s*\(?\w+\)?)*")
_SPACESHIP = re.compile(r"\boperator\s*<=>")  # C++20, as it stands in c10/util/intrusive_ptr.h


class TorchHeaders:
    """The headers of one torch; each is read once, whatever is asked."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders = folders
        self._said: dict[str, tuple[set[int], list[str]]] = {}

    def demanded(self, name: str) -> int:
        """The oldest C++ (20) that compiles an include of a header; 0 where no header says.

        The first that says so decides: with an #error below `__cplusplus < N`, or by what older C++
        has no syntax for. Only what is included under no condition is followed.
        """
        waiting, seen = [name], {name}
        for header in waiting:
            standards, included = self._of(header)
            if standards:
                return max(standards)
            new = [other for other in included if other not in seen]
            seen.update(new)
            waiting += new if len(waiting) < _MOST else ()
        return 0

    def _of(self, header: str) -> tuple[set[int], list[str]]:
        if header not in self._said:
            self._said[header] = _said(_text(self.folders, header) or "")
        return self._said[header]


def _text(folders: tuple[Path, ...], name: str) -> str | None:
    if ".." in name:
        return None
    for folder in folders:
        try:
            return read(folder / name, _LIMIT).decode("utf-8", "replace")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            continue
    return None


def _said(text: str) -> tuple[set[int], list[str]]:
    """The standards that a header demands, and what it includes, under no condition."""
    if "__cplusplus" not in text and "#include" not in text and "<=>" not in text:
        return set(), []
    plain = _COMMENT.sub(" ", text)
    standards: set[int] = set()
    included: list[str] = []
    for kind, argument, start, end in _outside(plain):
        if kind == "include":
            named = _INCLUDED.match(argument)
            included += [named[1]] if named else []
        elif kind == "refuses":
            standards |= {_STANDARDS[n] for n in [int(argument)] if n in _STANDARDS}
        elif _SPACESHIP.search(plain, start, end):
            standards.add(20)
    return standards, included


def _outside(text: str) -> Iterator[tuple[str, str, int, int]]:
    """The includes, the refusals and the stretches of code that stand under no condition."""
    rows = list(_DIRECTIVE.finditer(text))
    depth, begun = 0, 0
    for index, row in enumerate(rows):
        kind, argument = row[1], row[2]
        if depth == 0:
            yield "code", "", begun, row.start()
            if kind == "include":
                yield kind, argument, row.start(), row.end()
            refused = _REFUSES.fullmatch(argument) if kind == "if" else None
            if refused and index + 1 < len(rows) and rows[index + 1][1] == "error":
                yield "refuses", refused[1], row.start(), row.end()
        begun = row.end()
        if kind in ("if", "ifdef", "ifndef"):
            depth += index > 0 or not _WHOLE.fullmatch(argument if kind == "if" else f"!{argument}")
        elif kind in ("else", "elif") and not depth:
            return  # of what a whole header stands under
        elif kind == "endif" and depth:
            depth -= 1
    if depth == 0:
        yield "code", "", begun, len(text)

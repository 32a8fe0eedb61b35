"""Plans that cannot go together: versions, files and edits that overlap."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from typing import NamedTuple

from packaging.requirements import Requirement

from gpufix.evidence.requirements import parse
from gpufix.model import Install, InstallFallback, Plan, Remove, SetVariables, WriteFile
from gpufix.text.names import normalise


class _Edit(NamedTuple):
    """Lines `start` to `end` of the base are replaced; an insertion has start == end."""

    start: int
    end: int
    lines: tuple[str, ...]


def merged(base: str, one: str, other: str) -> str | None:
    """Both changes on the base. Equal ones count once; insertions at one place contradict."""
    if one == other:
        return one
    by_line = _composed(_lines(base), _lines(one), _lines(other))
    if by_line is not None:
        return by_line
    if max(map(len, (base, one, other))) > _WORDS_LIMIT:
        return None
    return _composed(_words(base), _words(one), _words(other))


_WORDS_LIMIT = 1 << 16  # characters of a file whose words are compared


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _words(text: str) -> list[str]:
    """What two edits of one line are composed by: an argument in quotes is one word."""
    return re.findall(r"\"[^\"\n]*\"|'[^'\n]*'|\w+|\s+|[^\w\s]", text)


def _composed(lines: list[str], one: list[str], other: list[str]) -> str | None:
    """Both edits, None where they overlap or insert at one place."""
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


def _edits(base: list[str], lines: list[str]) -> set[_Edit]:
    rows = SequenceMatcher(None, base, lines, autojunk=False).get_opcodes()
    return {_Edit(a, b, tuple(lines[c:d])) for kind, a, b, c, d in rows if kind != "equal"}


Base = Callable[[WriteFile], str | None]

_REMOVED = "removed"


class PlanConflicts:
    """What the plans so far want, by resource."""

    def __init__(self, base: Base) -> None:
        """`base`: the present text of a file that a step writes, when it can be read."""
        self._wanted: dict[str, list[tuple[object, str]]] = {}
        self._base = base

    def add(self, plan: Plan) -> None:
        """This plan will be carried out."""
        for resource, wish in _wishes(plan):
            rows = self._wanted.setdefault(resource, [])
            if isinstance(wish, WriteFile) and rows and isinstance(rows[-1][0], WriteFile):
                wish = joined(rows[-1][0], wish, self._base) or wish
                rows.clear()
            rows.append((wish, plan.title))

    def against(self, plan: Plan) -> str | None:
        """Why this plan cannot be carried out with the earlier ones, if so."""
        for resource, wish in _wishes(plan):
            for other, title in self._wanted.get(resource, []):
                if not self._agree(wish, other):
                    return f"contradicts “{title}” about {resource}"
        return None

    def _agree(self, one: object, other: object) -> bool:
        if isinstance(one, WriteFile) and isinstance(other, WriteFile):
            return joined(other, one, self._base) is not None
        return _agree(one, other)


def joined(one: WriteFile, other: WriteFile, base: Base) -> WriteFile | None:
    """Both contents of one file as one; None when they contradict."""
    if one == other:
        return one
    alike = (one.path, one.expect, one.encoding, one.mode) == (
        other.path,
        other.expect,
        other.encoding,
        other.mode,
    )
    text = base(one) if alike else None
    content = merged(text, one.content, other.content) if text is not None else None
    if content is None or not _reads(one.path, content):
        return None
    return replace(one, content=content)


def _reads(path: str, content: str) -> bool:
    """Whether a Python file is still one: two edits of a line are composed word by word."""
    if not path.endswith(".py"):
        return True
    try:
        ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _wishes(plan: Plan) -> Iterator[tuple[str, object]]:
    # A plan may remove a distribution and install it anew: its last word counts.
    installs = [step for step in plan.steps if isinstance(step, Install)]
    wanted = [r for step in installs for text in step.install if (r := parse(text))]
    names = {normalise(r.name) for r in wanted}
    yield from ((normalise(r.name), r) for r in wanted)
    yield from ((n, _REMOVED) for step in installs for n in step.uninstall if n not in names)
    for step in plan.steps:
        if isinstance(step, WriteFile):
            yield step.path, step
        elif isinstance(step, Remove):
            yield step.path, _REMOVED
        elif isinstance(step, InstallFallback):
            yield normalise(step.distribution), parse(f"{step.distribution}=={step.version}")
            yield from ((name, _REMOVED) for name in step.uninstall)
        elif isinstance(step, SetVariables):
            yield from ((f"${name}", value) for name, value in step.variables.items())


def _agree(one: object, other: object) -> bool:
    if not isinstance(one, Requirement) or not isinstance(other, Requirement):
        return one == other
    return _admits(one, other) and _admits(other, one)


def _admits(one: Requirement, other: Requirement) -> bool:
    """Whether the exact versions of one satisfy the other; ranges are the installer's to solve."""
    exact = [s.version for s in one.specifier if s.operator == "==" and "*" not in s.version]
    return all(other.specifier.contains(version, prereleases=True) for version in exact)

"""What two sums differ in: `base + i < base + n + i` is decided by `n` alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from gpufix.frozen import Frozen

_COMPARED = re.compile(r"(?<![<>=!-])(<=?|>=?|!=)(?![<>=])")
_STARTED = re.compile(r"(?:^|[\s*&,])([A-Za-z_]\w*)\s*=(?!=)\s*")
_CHANGED = re.compile(
    r"(?<![\w.>])([A-Za-z_]\w*)\s*(?:[-+*/%|&^]|<<|>>)?=(?!=)|([A-Za-z_]\w*)\s*(?:\+\+|--)"
)
_BEFORE = re.compile(r"(?:\+\+|--)\s*([A-Za-z_]\w*)")
_SET = re.compile(r"(?<![\w.>])([A-Za-z_]\w*)\s*=(?!=)([^;{}]*)")
_DEPTH = 6


def set_once(body: str) -> dict[str, str]:
    """The variables of a function that are given one value and keep it."""
    changes = _changes(body)
    found = ((m[1], _split(m[2], ",")) for m in _SET.finditer(body) if changes[m[1]] == 1)
    values = {name: pieces[0][1] for name, pieces in found}
    for match in _SET.finditer(body):  # const int a = 1, b = a + 2;
        for _, piece in _split(match[2], ",")[1:]:
            if (more := _STARTED.match(f" {piece.strip()}")) and changes[more[1]] == 1:
                values[more[1]] = piece.partition("=")[2]
    return values


def _changes(body: str) -> Counter[str]:
    """How often each name is set or moved."""
    changes = Counter(one or other for one, other in _CHANGED.findall(body))
    changes.update(_BEFORE.findall(body))
    return changes


class Loop(Frozen):
    """The head of a `for`: what its variables start at, and what is added to them."""

    started: dict[str, str]
    step: str

    @classmethod
    def of(cls, header: str, body: str) -> Loop:
        """Without the variables that the body changes. Raises ValueError for one over a range."""
        start, _, step = header.split(";")
        parts = ((_STARTED.search(part), part) for _, part in _split(start, ","))
        started = {found[1]: part[found.end() :] for found, part in parts if found}
        started = {name: value for name, value in started.items() if not _changes(body)[name]}
        moved = re.sub("|".join(rf"\b{re.escape(name)}\b" for name in started) or "$^", " ", step)
        return cls(started, moved)


def decided_by(condition: str, values: Mapping[str, str], loops: Sequence[Loop]) -> str:
    """What decides a comparison, without what both its sides add.

    `values` are variables that keep their value; `loops` those around the condition, itself included.
    """
    compared = _COMPARED.split(condition)
    if len(compared) != 3 or any(sign in condition for sign in ("&&", "||", "?")):
        return condition
    known = dict(values)
    for loop in loops:
        known |= loop.started
    left, right = (_terms(side, known, _DEPTH) for side in compared[::2])
    if not any(left[name] and left[name] == right[name] for name in left):
        return condition
    left.subtract(right)
    steps = (loop.step for loop in loops if any(name in condition for name in loop.started))
    return " ".join([*(name for name, count in left.items() if count), *steps])


def _terms(text: str, values: Mapping[str, str], depth: int) -> Counter[str]:
    """The summands without white space, names replaced by what they hold."""
    found: Counter[str] = Counter()
    for sign, part in _split(text, "+-"):
        term = "".join(part.split())
        one = -1 if sign == "-" else 1
        if depth and term in values:
            inner = _terms(values[term], values, depth - 1)
            found.update({name: one * count for name, count in inner.items()})
        elif term:
            found[term] += one
    return found


def _split(text: str, separators: str) -> list[tuple[str, str]]:
    """(separator before it, piece) of what stands between separators outside all brackets."""
    pieces, depth, start, before = [], 0, 0, ""
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character in separators and not depth and text[position : position + 2] != "->":
            pieces.append((before, text[start:position]))
            start, before = position + 1, character
    return [*pieces, (before, text[start:])]

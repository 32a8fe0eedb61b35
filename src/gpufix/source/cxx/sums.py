"""What two sums differ in: `base + i < base + n + i` is decided by `n` alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence

from gpufix.frozen import Frozen

_COMPARED = re.compile(r"(?<![<>=!-])(<=?|>=?|!=)(?![<>=])")
_STARTED = re.compile(r"(?:^|[\s*&,])([A-Za-z_]\w*)\s*=(?!=)\s*")
_CHANGED = re.compile(
    r"(?<![\w.>])([A-Za-z_]\w*)\s*(?:[-+*/%|&^]|<<|>>)?=(?!=)|([A-Za-z_]\w*)\s*(?:\+\+|--)"
)
_BEFORE = re.compile(r"(?:\+\+|--)\s*([A-Za-z_]\w*)")
_SET = re.compile(r"(?<![\w.>])([A-Za-z_]\w*)\s*=(?!=)([^;{}]*)")
_STEPS = 16  # names that are replaced in one comparison
_LONG = 500  # characters of an expression that is not followed


class Variables(Frozen):
    """What a function does to its variables: by name, where each is set or moved, and to what."""

    changes: dict[str, list[int]]
    values: dict[str, str]  # of those that are given one value and keep it

    @classmethod
    def of(cls, body: str) -> Variables:
        """From the text of a function."""
        changes: dict[str, list[int]] = {}
        for pattern in (_CHANGED, _BEFORE):
            for match in pattern.finditer(body):
                changes.setdefault(match[match.lastindex or 1], []).append(match.start())
        values: dict[str, str] = {}
        for match in _SET.finditer(body):  # const int a = 1, b = a + 2;
            first, *others = (piece for _, piece in _split(match[2], ","))
            values[match[1]] = first
            for piece in others:
                if more := _STARTED.match(f" {piece.strip()}"):
                    values[more[1]] = piece.partition("=")[2]
        kept = {
            name: value
            for name, value in values.items()
            if len(changes.get(name, ())) == 1 and len(value) < _LONG
        }
        return cls({name: sorted(at) for name, at in changes.items()}, kept)

    def moved(self, name: str, begin: int, end: int) -> bool:
        """Whether a variable changes between two offsets of the body."""
        at = self.changes.get(name, [])
        return bisect_left(at, begin) < bisect_left(at, end)


class Loop(Frozen):
    """The head of a `for`: what its variables start at, and what is added to them."""

    started: dict[str, str]
    step: str
    end: int

    @classmethod
    def of(cls, header: str, variables: Variables, begin: int, end: int) -> Loop:
        """Without the variables that its body, between two offsets, changes.

        Raises ValueError for a loop over a range.
        """
        start, _, step = header.split(";")
        parts = ((_STARTED.search(part), part) for _, part in _split(start, ","))
        started = {found[1]: part[found.end() :] for found, part in parts if found}
        started = {n: value for n, value in started.items() if not variables.moved(n, begin, end)}
        moved = re.sub("|".join(rf"\b{re.escape(name)}\b" for name in started) or "$^", " ", step)
        return cls(started, moved, end)


def decided_by(condition: str, values: dict[str, str], loops: Sequence[Loop]) -> str:
    """What decides a comparison, without what both its sides add.

    `values` are variables that keep their value; `loops` those around the condition, itself included.
    """
    if len(condition) > _LONG:
        return condition
    compared = _COMPARED.split(condition)
    if len(compared) != 3 or any(sign in condition for sign in ("&&", "||", "?")):
        return condition
    known = ChainMap(*(loop.started for loop in reversed(loops)), values)
    left, right = (_terms(side, known) for side in compared[::2])
    if not any(left[name] and left[name] == right[name] for name in left):
        return condition
    left.subtract(right)
    steps = (loop.step for loop in loops if any(name in condition for name in loop.started))
    return " ".join([*(name for name, count in left.items() if count), *steps])


def _terms(text: str, values: Mapping[str, str]) -> Counter[str]:
    """The summands without white space, names replaced by what they hold."""
    found: Counter[str] = Counter()
    queue = [(1, text)]
    for _ in range(_STEPS):
        if not queue:
            break
        one, text = queue.pop()
        for sign, part in _split(text, "+-"):
            term = "".join(part.split())
            count = -one if sign == "-" else one
            if term in values:
                queue.append((count, values[term]))
            elif term:
                found[term] += count
    found.update({text: one for one, text in queue})  # more than is followed
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

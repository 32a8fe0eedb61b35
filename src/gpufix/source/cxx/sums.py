"""What two sums differ in: `base + i < base + n + i` is decided by `n` alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, MutableMapping, Sequence, Set
from typing import cast

_COMPARED = re.compile(r"(?<![<>=!-])(<=?|>=?|!=)(?![<>=])")
_STARTED = re.compile(r"(?:^|[\s*&,])([A-Za-z_]\w*)\s*=(?!=)\s*")
_CHANGE = re.compile(r"\s*(?:(?:[-+*/%|&^]|<<|>>)?=(?!=)|\+\+|--)")
_SET = re.compile(r"\s*=(?!=)([^;{}]*)")
_STEPS = 16  # names that are replaced in one comparison
_LONG = 500  # characters of an expression that is not followed


class Variables(Mapping[str, str]):
    """The variables of a function's body that are given one value and keep it, with that value.

    A name is looked up when it is asked for: the conditions around barriers name few.
    """

    def __init__(self, body: str, without: Set[str] = frozenset()) -> None:
        """Of a body, without those of these names."""
        self._body = body
        self._without = without
        self._changes: dict[str, list[int]] = {}
        self._values: dict[str, str | None] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._values:
            known = name.isidentifier() and name not in self._without
            self._values[name] = self._value(name) if known else None
        value = self._values[name]
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        raise TypeError("variables are looked up, not listed")

    def __len__(self) -> int:
        raise TypeError("variables are looked up, not listed")

    def moved(self, name: str, begin: int, end: int) -> bool:
        """Whether a variable changes between two offsets of the body."""
        at = self._changed(name)
        return bisect_left(at, begin) < bisect_left(at, end)

    def _value(self, name: str) -> str | None:
        at = self._changed(name)
        found = _SET.match(self._body, at[0] + len(name)) if len(at) == 1 else None
        if found is None:
            return None
        value = _split(found[1], ",")[0][1]
        return value if len(value) < _LONG else None

    def _changed(self, name: str) -> list[int]:
        """Where a variable is set or moved."""
        if name not in self._changes:
            self._changes[name] = [at for at in self._places(name) if self._changes_at(name, at)]
        return self._changes[name]

    def _places(self, name: str) -> Iterator[int]:
        body, at = self._body, self._body.find(name)
        while at >= 0:
            before, after = body[at - 1 : at], body[at + len(name) : at + len(name) + 1]
            if not (before.isalnum() or before == "_" or after.isalnum() or after == "_"):
                yield at
            at = body.find(name, at + len(name))

    def _changes_at(self, name: str, at: int) -> bool:
        body = self._body
        if body[max(0, at - 20) : at].rstrip().endswith(("++", "--")):
            return True
        return body[at - 1 : at] not in (".", ">") and bool(_CHANGE.match(body, at + len(name)))


class Loop(Mapping[str, str]):
    """The head of a `for`: what each of its variables starts at that its body does not change.

    Like `Variables`, it answers when it is asked.
    """

    def __init__(self, header: str, variables: Variables, begin: int, end: int) -> None:
        """Of a head with two semicolons. The body lies between two offsets."""
        start, _, self._step = header.split(";")
        parts = ((_STARTED.search(part), part) for _, part in _split(start, ","))
        self._started = {found[1]: part[found.end() :] for found, part in parts if found}
        self._variables = variables
        self.begin, self.end = begin, end

    def __getitem__(self, name: str) -> str:
        value = self._started[name]
        if self._variables.moved(name, self.begin, self.end):
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._started if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def numbers_rounds(self, condition: str) -> bool:
        """Whether a variable is compared with what each round adds to it: all threads do so alike."""
        found = re.fullmatch(r"\s*(\w+)\s*(?:>=|<)\s*([\w.]+)\s*", condition)
        return found is not None and self._step.split() == [found[1], "+=", found[2]]

    @property
    def step(self) -> str:
        """What is added to them."""
        names = "|".join(rf"\b{re.escape(name)}\b" for name in self)
        return re.sub(names or "$^", " ", self._step)


def decided_by(condition: str, values: Mapping[str, str], loops: Sequence[Loop]) -> str:
    """What decides a comparison, without what both its sides add.

    `values` are variables that keep their value; `loops` those around the condition, itself included.
    """
    if len(condition) > _LONG:
        return condition
    compared = _COMPARED.split(condition)
    if len(compared) != 3 or any(sign in condition for sign in ("&&", "||", "?")):
        return condition
    known = ChainMap(*(cast("MutableMapping[str, str]", m) for m in (*reversed(loops), values)))
    left, right = (_terms(side, known) for side in compared[::2])
    if not any(left[name] and left[name] == right[name] for name in left):
        return condition
    left.subtract(right)
    steps = (loop.step for loop in loops if any(name in condition for name in loop))
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

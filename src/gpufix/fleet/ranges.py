"""Names of nodes in ranges, as Slurm and ClusterShell write them: node[01-06,08]."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

MOST = 100_000  # names that one expression may stand for
_NUMBER = re.compile(r"\d+")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_GROUP = re.compile(r"[^,\[\]]*(?:\[[^\[\]]*\][^,\[\]]*)*")


class BadRange(ValueError):
    """An expression that names no nodes."""


def expand(text: str) -> list[str]:
    """The names that an expression stands for, in its order, each once. Raises BadRange."""
    names: dict[str, None] = {}
    for part in _parts(text):
        for name in _expanded(part):
            names[name] = None
            if len(names) > MOST:
                raise BadRange(f"{text[:80]!r} stands for more than {MOST:,} nodes")
    if not names:
        raise BadRange(f"{text[:80]!r} names no node")
    return list(names)


def _parts(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = _GROUP.match(text, at)
        end = found.end() if found else at
        if end < len(text) and text[end] != ",":
            raise BadRange(f"{text[:80]!r}: a bracket has no partner")
        if part := text[at:end].strip():
            yield part
        at = end + 1


def _expanded(part: str) -> Iterator[str]:
    head, bracket, rest = part.partition("[")
    if not bracket:
        yield part
        return
    inside, _, tail = rest.partition("]")
    numbers = list(_numbers(inside, part))
    tails = list(_expanded(tail)) if tail else [""]
    if len(numbers) * len(tails) > MOST:
        raise BadRange(f"{part[:80]!r} stands for more than {MOST:,} nodes")
    yield from (f"{head}{number}{end}" for number in numbers for end in tails)


def _numbers(inside: str, part: str) -> Iterator[str]:
    for piece in inside.split(","):
        found = _RANGE.fullmatch(piece.strip())
        if found is None:
            raise BadRange(f"{part[:80]!r}: {piece!r} is neither a number nor a range")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last - first >= MOST:
            raise BadRange(f"{part[:80]!r}: {piece!r} is no range of at most {MOST:,}")
        yield from (f"{number:0{len(found[1])}d}" for number in range(first, last + 1))


class _Split(NamedTuple):
    head: str
    tail: str
    digits: str


def fold(names: Iterable[str]) -> str:
    """The names as one expression, sorted. The number that varies is folded, the others are not."""
    unique = sorted(set(names))
    if len(unique) < 2:
        return "".join(unique)
    place = _varying(unique)
    split = [_split(name, place) for name in unique]
    ordered = sorted(split, key=lambda s: (s.head, s.tail, len(s.digits), int(s.digits or 0)))
    pieces = []
    for (head, tail), group in groupby(ordered, key=lambda s: (s.head, s.tail)):
        digits = [one.digits for one in group]
        if len(digits) == 1:
            pieces.append(f"{head}{digits[0]}{tail}")
        else:
            pieces.append(f"{head}[{','.join(_runs(digits))}]{tail}")
    return ",".join(pieces)


def _varying(names: list[str]) -> int:
    """Which number, counted from the end, has most values among these names."""
    values: dict[int, set[str]] = {}
    for name in names:
        for place, number in enumerate(reversed(_NUMBER.findall(name))):
            values.setdefault(place, set()).add(number)
    return max(values, key=lambda place: (len(values[place]), -place), default=0)


def _split(name: str, place: int) -> _Split:
    numbers = list(_NUMBER.finditer(name))
    if place >= len(numbers) or len(numbers[-1 - place][0]) > 9:
        return _Split(name, "", "")
    found = numbers[-1 - place]
    return _Split(name[: found.start()], name[found.end() :], found[0])


def _runs(digits: list[str]) -> Iterator[str]:
    """Consecutive numbers of one width as "01-06"."""
    start = last = digits[0]
    for number in [*digits[1:], ""]:
        if number and int(number) == int(last) + 1 and _follows(last, number):
            last = number
            continue
        yield start if start == last else f"{start}-{last}"
        start = last = number


def _follows(last: str, number: str) -> bool:
    """Whether counting on from the one writes the other: 09 and 10, 9 and 10, but not 9 and 010."""
    return f"{int(last) + 1:0{len(last)}d}" == number

"""`device` properties that answer for one of several modules: who moves single ones, who reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from gpufix.evidence.half_precision import texts
from gpufix.evidence.source_view import aside, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.source.python import dtypes
from gpufix.source.python.tree import NotPython, known_tree
from gpufix.source.source_facts import StaleDevice


class Stale(Frozen):
    """A property, the place that moves a single module, and every place that reads the property."""

    path: str
    row: StaleDevice
    moved: tuple[str, int]
    uses: tuple[tuple[str, int, str], ...]  # path, line, function


def stale(view: View) -> Iterator[Stale]:
    """Nothing of a property that nobody reads, or whose modules only move together."""
    rows = [
        (path, row)
        for path, facts in python_files(view).items()
        for row in facts.stale_device
        if not (aside(path) or is_vendored(path))
    ]
    classes = _classes(view, {row.class_ for _, row in rows}) if rows else ()
    for path, row in rows:
        family = _family(row.class_, classes)
        copies = [other for other, each in rows if each.class_ == row.class_]
        uses = tuple(
            (place, line, function)
            for place, (name, _, found) in classes
            if name in family and path in _nearest(place, copies)
            for line, function in found
        )
        moves = _moves(view, row, family, rows)
        own = (move for move in moves if path in _nearest(move[0], copies))
        moved = (path, row.moved) if row.moved else next(own, None)
        if moved is not None and uses:
            yield Stale(path, row, moved, uses)


def _nearest(place: str, copies: Sequence[str]) -> list[str]:
    """Of the files with a class of one name, those in the package that a file belongs to."""

    def shared(path: str) -> int:
        pairs = zip(path.split("/")[:-1], place.split("/")[:-1], strict=False)
        return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))

    most = max(map(shared, copies))
    return [path for path in copies if shared(path) == most]


def _moves(
    view: View, row: StaleDevice, family: set[str], rows: Sequence[tuple[str, StaleDevice]]
) -> Iterator[tuple[str, int]]:
    """Where a class of the family, or somebody who has one of its objects, moves a single module."""
    alone = sum(other.collection == row.collection for _, other in rows) == 1
    for path, text in texts(view, "moves"):
        for move in _single_moves(text) if f"{row.collection}[" in text else ():
            named = move.owner.strip("_").lower()
            theirs = alone or (len(named) > 3 and named in row.class_.lower())
            ours = move.class_ in family if move.owner == "self" else theirs
            if move.collection == row.collection and ours:
                yield path, move.line


_Class = tuple[str, tuple[str, ...], tuple[tuple[int, str], ...]]


def _classes(view: View, names: set[str]) -> Sequence[tuple[str, _Class]]:
    """The classes of the files that name one of these, or a class that derives from it: few do."""
    waiting = dict(texts(view, "device"))
    order = list(waiting)
    found: list[tuple[str, _Class]] = []
    known = set(names)
    while more := [path for path, text in waiting.items() if any(name in text for name in known)]:
        rows = [(path, row) for path in more for row in _uses(waiting.pop(path))]
        found += rows
        while derived := {n for _, (n, bases, _) in found if not known.isdisjoint(bases)} - known:
            known |= derived
    return sorted(found, key=lambda row: order.index(row[0]))


def _uses(text: str) -> Sequence[_Class]:
    try:
        return dtypes.device_uses(known_tree(text))
    except NotPython:
        return ()


def _family(class_: str, classes: Sequence[tuple[str, _Class]]) -> set[str]:
    """The class and those that derive from it, by their names."""
    known = {class_}
    for _ in range(8):
        more = {name for _, (name, bases, _) in classes if known & {*bases}} - known
        if not more:
            break
        known |= more
    return known


def _single_moves(text: str) -> Sequence[dtypes.SingleMove]:
    try:
        return dtypes.single_moves(known_tree(text))
    except NotPython:
        return ()

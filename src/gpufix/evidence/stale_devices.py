"""`device` properties that answer for one of several modules: who moves single ones, who reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.evidence.half_precision import texts
from gpufix.evidence.source_view import aside, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.source.python import dtypes
from gpufix.source.python.tree import NotPython, Tree
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
    classes = tuple(_classes(view)) if rows else ()
    for path, row in rows:
        family = _family(row.class_, classes)
        uses = tuple(
            (place, line, function)
            for place, (name, _, found) in classes
            if name in family
            for line, function in found
        )
        moved = (path, row.moved) if row.moved else _moved(view, row, family, rows)
        if moved is not None and uses:
            yield Stale(path, row, moved, uses)


def _moved(
    view: View, row: StaleDevice, family: set[str], rows: Sequence[tuple[str, StaleDevice]]
) -> tuple[str, int] | None:
    """Where a class of the family, or somebody who has one of its objects, moves a single module."""
    alone = sum(other.collection == row.collection for _, other in rows) == 1
    for path, tree in _trees(view, "moves"):
        for move in dtypes.single_moves(tree):
            named = move.owner.strip("_").lower()
            theirs = alone or (len(named) > 3 and named in row.class_.lower())
            ours = move.class_ in family if move.owner == "self" else theirs
            if move.collection == row.collection and ours:
                return path, move.line
    return None


_Class = tuple[str, tuple[str, ...], tuple[tuple[int, str], ...]]


def _classes(view: View) -> Iterator[tuple[str, _Class]]:
    for path, tree in _trees(view, "device"):
        for row in dtypes.device_uses(tree):
            yield path, row


def _family(class_: str, classes: Sequence[tuple[str, _Class]]) -> set[str]:
    """The class and those that derive from it, by their names."""
    known = {class_}
    for _ in range(8):
        more = {name for _, (name, bases, _) in classes if known & {*bases}} - known
        if not more:
            break
        known |= more
    return known


def _trees(view: View, word: str) -> Iterator[tuple[str, Tree]]:
    for path, text in texts(view, word):
        try:
            yield path, Tree(text)
        except NotPython:
            continue

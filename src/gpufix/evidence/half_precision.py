"""Whether the project casts its whole models to half precision, and what does not take that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from gpufix.evidence.source_view import absolute, aside, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.source.python import half_flow
from gpufix.source.python.tree import NotPython, Tree
from gpufix.source.source_facts import HalfCast, HalfSink

_MOST = 2_000  # files
Row = TypeVar("Row")


def whole_cast(view: View) -> tuple[str, HalfCast] | None:
    """The file and the statement by which every model of a collection becomes half; None: none is."""
    return view.derive(_whole_cast)


def _whole_cast(view: View) -> tuple[str, HalfCast] | None:
    """Most projects have no sink, or no loop over models that casts: what calls it is then not read."""
    files = [facts.words for facts in python_files(view).values()]
    if not any("float32" in words for words in files):
        return None
    if all(row.kind == "call" for _, row in _casts(view, "half", "models")):
        return None
    rows = list(_casts(view, "half"))
    methods = {row.name for _, row in rows if row.kind == "method"}
    for path, row in rows:
        if row.kind == "call" and row.name in methods:
            return path, row
    called = {row.name for _, row in rows if row.kind == "call"}
    for path, row in rows:
        if row.kind == "all" and (not row.name or row.name in called):
            return path, row
    return None


def _casts(view: View, *words: str) -> Iterator[tuple[str, HalfCast]]:
    for path, text in texts(view, *words):
        for row in _of(text, half_flow.casts):
            yield path, row


def texts(view: View, *words: str) -> Iterator[tuple[str, str]]:
    """The texts of the files that have all these words."""
    paths = (
        path
        for path, facts in python_files(view).items()
        if not aside(path) and not is_vendored(path) and set(words) <= set(facts.words)
    )
    for path in islice(paths, _MOST):
        source = view.source(absolute(view, path))
        if source is not None:
            yield path, source.text


def sinks(view: View) -> Iterator[tuple[str, HalfSink]]:
    """What fails with whole models in half precision; nothing where the project casts none."""
    if whole_cast(view) is None:
        return
    for path, text in texts(view, "float32"):
        for row in of_text(text):
            yield path, row


def of_text(text: str) -> tuple[HalfSink, ...]:
    """Of one file's text."""
    return _of(text, half_flow.sinks)


def _of(text: str, read: Callable[[Tree], tuple[Row, ...]]) -> tuple[Row, ...]:
    try:
        return read(Tree(text))
    except NotPython:
        return ()

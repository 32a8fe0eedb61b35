"""Whether the project casts its whole models to half precision, and what does not take that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from gpufix.evidence.source_view import absolute, aside, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.source.python import half_flow
from gpufix.source.python.tree import NotPython, Tree, known_tree
from gpufix.source.source_facts import HalfCast, HalfSink

_MOST = 2_000  # files
Row = TypeVar("Row")


def whole_cast(view: View) -> tuple[str, HalfCast] | None:
    """The file and the statement by which every model of a collection becomes half; None: none is."""
    return view.derive(_whole_cast)


def _whole_cast(view: View) -> tuple[str, HalfCast] | None:
    """Most projects have no loop over models that casts, or no sink: what calls it is then not read."""
    loops = [row for _, row in _casts(view, "half models") if row.kind != "call"]
    if not loops or not any(_ours(path) for path in having(view, "float32")):
        return None
    rows = list(_casts(view, "half", {row.name for row in loops}))
    methods = {row.name for _, row in rows if row.kind == "method"}
    for path, row in rows:
        if row.kind == "call" and row.name in methods:
            return path, row
    called = {row.name for _, row in rows if row.kind == "call"}
    for path, row in rows:
        if row.kind == "all" and (not row.name or row.name in called):
            return path, row
    return None


def _casts(
    view: View, words: str, names: Collection[str] = ("",)
) -> Iterator[tuple[str, HalfCast]]:
    """The casts of files that hold one of the names."""
    for path, text in texts(view, words):
        if any(name in text for name in names):
            for row in _of(text, half_flow.casts):
                yield path, row


def having(view: View, words: str) -> Sequence[str]:
    """The files that have such words."""
    project, files = view.facts.project, python_files(view).items()
    if project is None or not any(source.kind == "python" for source in project.sources):
        return ()
    if view.project_python(project.root) is None:  # nobody can tell, which is said already
        return ()
    if any(facts.words for _, facts in files):  # of an older snapshot
        return [path for path, facts in files if set(words.split()) <= set(facts.words)]
    return view.project_having(words) or ()


def _ours(path: str) -> bool:
    return not aside(path) and not is_vendored(path)


def texts(view: View, words: str) -> Iterator[tuple[str, str]]:
    """The texts of the project's own files that have such words."""
    for path in islice(filter(_ours, having(view, words)), _MOST):
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
        return read(known_tree(text))
    except NotPython:
        return ()

"""Whether the project casts its whole models to half precision, and what does not take that."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.evidence.source_view import absolute, aside, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.source.python import half_flow
from gpufix.source.python.tree import NotPython, Tree
from gpufix.source.source_facts import HalfCast, HalfSink

_MOST = 2_000  # files


def whole_cast(view: View) -> tuple[str, HalfCast] | None:
    """The file and the statement by which every model of a collection becomes half; None: none is."""
    return view.derive(_whole_cast)


def _whole_cast(view: View) -> tuple[str, HalfCast] | None:
    rows = [
        (path, row)
        for path, facts in python_files(view).items()
        for row in facts.casts
        if not aside(path) and not is_vendored(path)
    ]
    methods = {row.name for _, row in rows if row.kind == "method"}
    for path, row in rows:
        if row.kind == "call" and row.name in methods:
            return path, row
    called = {row.name for _, row in rows if row.kind == "call"}
    for path, row in rows:
        if row.kind == "all" and (not row.name or row.name in called):
            return path, row
    return None


def texts(view: View, word: str) -> Iterator[tuple[str, str]]:
    """The texts of the files that have such words."""
    for path, facts in list(python_files(view).items())[:_MOST]:
        if aside(path) or is_vendored(path) or word not in facts.words:
            continue
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
    try:
        return half_flow.sinks(Tree(text))
    except NotPython:
        return ()

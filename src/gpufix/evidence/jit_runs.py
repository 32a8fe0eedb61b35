"""load() and load_inline() of Python files, by runs of the file and of its functions."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import chain

from gpufix.evidence.builds import builds_of
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.source.builds.run import BuildRun
from gpufix.source.python.tree import NotPython, dotted_name, parsed

_CALLS = ("load", "load_inline")
_MOST = 6  # functions of one file


def loads(view: View, path: str) -> tuple[BuildRun, ...]:
    """Runs that come to every load() of a file, each way known; () where the file does not tell.

    What a module loads when it is imported, and what its functions load that need no argument.
    """
    known = view.derive(_known)
    if path not in known:
        known[path] = _followed(view, path)
    return known[path]


def _known(_: View) -> dict[str, tuple[BuildRun, ...]]:
    return {}


def _followed(view: View, path: str) -> tuple[BuildRun, ...]:
    found = view.source(absolute(view, path))
    try:
        tree = parsed(found.text) if found else ast.Module([], [])
    except NotPython:
        return ()
    within = {node: _lines(node) for node in tree.body}
    lines = set(chain.from_iterable(within.values()))
    holders = [node for node, inner in within.items() if inner]
    functions = [node for node in holders if isinstance(node, ast.FunctionDef)]
    if not found or not lines or len(functions) > _MOST:
        return ()
    calls = [f"\n{node.name}()\n" for node in functions if _needs_nothing(node)]
    calls += [""] if len(functions) < len(holders) else []
    runs = [
        builds_of(view).run(path, {path: found.text + call} if call else None) for call in calls
    ]
    met = {each.place.line for run in runs for each in run.extensions if each.kind == "jit"}
    sure = all(run.whole and not run.fails for run in runs)
    return tuple(map(_of_loads, runs)) if sure and met == lines else ()


def _of_loads(run: BuildRun) -> BuildRun:
    """The run with nothing but what it loads."""
    return replace(run, extensions=tuple(e for e in run.extensions if e.kind == "jit"))


def _lines(node: ast.stmt) -> list[int]:
    """Where a statement calls load() of something."""
    return [
        inner.lineno
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call)
        and (dotted_name(inner.func) or "").rpartition(".")[2] in _CALLS
        and any(given.arg in ("name", "sources") for given in inner.keywords)
    ]


def _needs_nothing(node: ast.FunctionDef) -> bool:
    given = node.args
    required = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    return required == 0 and None not in given.kw_defaults

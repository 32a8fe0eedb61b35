"""Which C++ Python files ask for: of load() and load_inline(), and in lists of flags for setup()."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gpufix.source.cxx_standards import flags
from gpufix.source.python.flags import flags_in
from gpufix.source.python.tree import Tree, dotted_name
from gpufix.source.source_facts import CxxStandard

_KEYWORDS = {"extra_cflags": "cxx", "extra_cuda_cflags": "nvcc"}
_CALLS = ("load", "load_inline")


def standards(tree: Tree) -> tuple[CxxStandard, ...]:
    """Where flags of such calls choose one: of several the last, of several values the newest."""
    rows = []
    for way, compiler, given, sources in _calls(tree):
        found = [
            CxxStandard(flag.node.lineno, text, value, f"{way} {compiler}", flag.guards, sources)
            for flag in flags_in(tree, [(given, [])])
            for _, _, text, value in _newest(flag.texts)
        ]
        rows += found[-1:]
    return tuple(rows)


def _newest(texts: tuple[str, ...]) -> list[tuple[int, int, str, int]]:
    found = [row for text in texts for row in flags(text)]
    return [max(found, key=lambda row: row[3])] if found else []


def _calls(tree: Tree) -> Iterator[tuple[str, str, ast.expr, tuple[str, ...]]]:
    for given in tree.each(ast.keyword):
        call = tree.parents[given]
        if given.arg not in _KEYWORDS or not isinstance(call, ast.Call):
            continue
        last = (dotted_name(call.func) or "").rpartition(".")[2]
        if last != "setup":
            way = last if last in _CALLS else "load"
            yield way, _KEYWORDS[given.arg], given.value, tuple(_sources(call))
    for mapping in tree.each(ast.Dict):
        for key, value in zip(mapping.keys, mapping.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in ("cxx", "nvcc"):
                yield "setup", str(key.value), value, ()


def _sources(call: ast.Call) -> Iterator[str]:
    for given in [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "sources")]:
        for node in ast.walk(given):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
                yield node.value

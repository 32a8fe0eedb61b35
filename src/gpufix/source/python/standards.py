"""Which C++ a Python build file asks its compilers for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gpufix.source.cxx_standards import flags
from gpufix.source.python.flags import Flag, flags_in
from gpufix.source.python.tree import Tree, dotted_name
from gpufix.source.source_facts import CxxStandard

_KEYWORDS = {"extra_cflags": "cxx", "extra_cuda_cflags": "nvcc"}
_CALLS = ("load", "load_inline")
_EXTENSIONS = ("CUDAExtension", "CppExtension", "Extension")
_ADDING = ("append", "extend", "insert")
_Root = tuple[ast.expr, list[str]]


def may_ask(data: bytes) -> bool:
    """Whether a file can name a C++ standard."""
    return b"std" in data and b"++" in data


def standards(tree: Tree) -> tuple[CxxStandard, ...]:
    """Every flag that chooses one, with the compiler that gets it."""
    return tuple(
        CxxStandard(flag.node.lineno, text, value, compiler, flag.guards)
        for compiler, flag, text, value in standard_flags(tree)
    )


def standard_flags(tree: Tree) -> Iterator[tuple[str, Flag, str, int]]:
    """(compiler, flag, as it is written, C++). Of a flag that can have several values the newest.

    In lists for setup() torch knows only -std=…; beside another spelling it adds its own behind.
    """
    roots: dict[str, list[_Root]] = {}
    for compiler, root, guards in _roots(tree):
        roots.setdefault(compiler, []).append((root, guards))
    for compiler, lists in roots.items():
        for flag in flags_in(tree, lists):
            joint_only = not compiler.startswith("load")
            found = [row for text in flag.texts for row in flags(text, joint_only)]
            if found:
                _, _, text, value = max(found, key=lambda row: row[3])
                yield compiler, flag, text, value


def _roots(tree: Tree) -> Iterator[tuple[str, ast.expr, list[str]]]:
    for mapping in tree.each(ast.Dict):
        for key, value in zip(mapping.keys, mapping.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in ("cxx", "nvcc"):
                yield str(key.value), value, []
    for given in tree.each(ast.keyword):
        call = tree.parents[given]
        name = (dotted_name(call.func) or "") if isinstance(call, ast.Call) else ""
        last = name.rpartition(".")[2]
        if given.arg in _KEYWORDS:
            way = f"{last} " if last in _CALLS else "load "
            yield f"{way}{_KEYWORDS[given.arg]}", given.value, []
        elif given.arg == "extra_compile_args" and last in _EXTENSIONS:
            yield "", given.value, []
    nodes: list[ast.Assign | ast.AugAssign | ast.Call] = [
        *tree.each(ast.Assign),
        *tree.each(ast.AugAssign),
        *tree.each(ast.Call),
    ]
    for node in nodes:
        for compiler, value in _put_in(node):
            yield compiler, value, tree.guards(node)


def _put_in(node: ast.Assign | ast.AugAssign | ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """What is put into x["nvcc"] or x["cxx"]."""
    if isinstance(node, ast.Assign):
        places, values = node.targets, [node.value]
    elif isinstance(node, ast.AugAssign):
        places, values = [node.target], [node.value]
    elif isinstance(node.func, ast.Attribute) and node.func.attr in _ADDING:
        places, values = [node.func.value], node.args[-1:]
    else:
        return
    for place in places:
        if (
            isinstance(place, ast.Subscript)
            and isinstance(place.slice, ast.Constant)
            and place.slice.value in ("cxx", "nvcc")
        ):
            yield from ((str(place.slice.value), value) for value in values)

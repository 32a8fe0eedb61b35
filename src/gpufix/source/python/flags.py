"""The flags that a Python build file hands to nvcc, and what strings an expression can be."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import product

from gpufix.frozen import Frozen
from gpufix.source.arch_flags import UNKNOWN
from gpufix.source.python.tree import Tree, dotted_name

_MOST, _DEPTH = 16, 8
_PERCENT = re.compile(r"%(?:\(\w+\))?[-#0 +]*\d*(?:\.\d+)?[sdrfxi]")
_BRACES = re.compile(r"\{[^{}]*\}")
_HERE = ("os.path.abspath", "os.path.realpath", "osp.abspath", "osp.realpath", "Path", "str")
_JOIN = ("os.path.join", "osp.join", "path.join")
_DIRNAME = ("os.path.dirname", "osp.dirname", "path.dirname")


def strings(tree: Tree, node: ast.AST, depth: int = 0) -> list[str]:
    """Up to sixteen possible values, UNKNOWN alone when nothing is known."""
    if depth > _DEPTH:
        return [UNKNOWN]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else [UNKNOWN]
    if isinstance(node, ast.JoinedStr):
        return _glued([_piece(tree, value, depth) for value in node.values])
    if isinstance(node, ast.BinOp):
        return _operation(tree, node, depth)
    if isinstance(node, ast.IfExp):
        both = strings(tree, node.body, depth + 1) + strings(tree, node.orelse, depth + 1)
        return _unique(both)
    if isinstance(node, ast.Name):
        return _named(tree, node, depth)
    if isinstance(node, ast.Call):
        return _called(tree, node, depth)
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        return _unique([_parent(s) for s in strings(tree, node.value, depth + 1)])
    return [UNKNOWN]


def _piece(tree: Tree, node: ast.AST, depth: int) -> list[str]:
    if not isinstance(node, ast.FormattedValue):
        return strings(tree, node, depth + 1)
    plain = node.format_spec is None and node.conversion == -1
    values = tree.assigned.get(node.value.id, []) if isinstance(node.value, ast.Name) else []
    if plain and values and all(isinstance(value, ast.Constant) for value in values):
        return _unique([text for each in values for text in _scalar(tree, each, depth + 1)])
    return strings(tree, node.value, depth + 1)


def _operation(tree: Tree, node: ast.BinOp, depth: int) -> list[str]:
    left = strings(tree, node.left, depth + 1)
    if isinstance(node.op, ast.Mod):
        return _unique([_PERCENT.sub(UNKNOWN, text) for text in left])
    right = strings(tree, node.right, depth + 1)
    if isinstance(node.op, ast.Add):
        return _glued([left, right])
    if isinstance(node.op, ast.Div):  # pathlib
        return _unique([posixpath.join(a, b) for a, b in product(left, right)])
    return [UNKNOWN]


def _named(tree: Tree, node: ast.Name, depth: int) -> list[str]:
    if node.id == "__file__":
        return [f"{tree.folder}/setup.py"]
    values = tree.assigned.get(node.id, [])
    if len(values) == 1:
        return strings(tree, values[0], depth + 1)
    for parent, _ in tree.ancestors(node):
        loops = [parent] if isinstance(parent, ast.For) else getattr(parent, "generators", [])
        for loop in loops:
            if isinstance(loop.target, ast.Name) and loop.target.id == node.id:
                listed = loop.iter.elts if isinstance(loop.iter, (ast.List, ast.Tuple)) else []
                return _unique([s for e in listed for s in _scalar(tree, e, depth)]) or [UNKNOWN]
    return [UNKNOWN]


def _scalar(tree: Tree, node: ast.AST, depth: int) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return [str(node.value)]
    return strings(tree, node, depth + 1)


def _called(tree: Tree, node: ast.Call, depth: int) -> list[str]:
    name = dotted_name(node.func) or ""
    arguments = [strings(tree, argument, depth + 1) for argument in node.args]
    if name in _JOIN and arguments:
        return _unique([posixpath.join(*parts) for parts in _some(arguments)])
    if name in _DIRNAME and len(arguments) == 1:
        return _unique([_parent(text) for text in arguments[0]])
    if name == "shlex.split" and arguments:
        return arguments[0]
    if name in _HERE and len(arguments) == 1:
        return arguments[0]
    if isinstance(node.func, ast.Attribute):
        if node.func.attr == "format":
            texts = strings(tree, node.func.value, depth + 1)
            return _unique([_BRACES.sub(UNKNOWN, text) for text in texts])
        if node.func.attr in ("resolve", "absolute", "as_posix", "split"):
            return strings(tree, node.func.value, depth + 1)
    return [UNKNOWN]


def _parent(text: str) -> str:
    return UNKNOWN if UNKNOWN in text else posixpath.dirname(text)


def _glued(parts: list[list[str]]) -> list[str]:
    return _unique(["".join(chosen) for chosen in _some(parts)])


def _some(parts: list[list[str]]) -> list[tuple[str, ...]]:
    chosen: list[tuple[str, ...]] = [()]
    for options in parts:
        chosen = [(*row, option) for row in chosen for option in options][:_MOST]
    return chosen


def _unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:_MOST] or [UNKNOWN]


_CALL_DEPTH = 6
_EXTENSIONS = ("CUDAExtension", "load", "load_inline")
_ADDING = ("append", "extend", "insert")


class Flag(Frozen):
    """One element of a flag list: its node, its possible texts, and what guards it."""

    node: ast.expr
    texts: tuple[str, ...]
    guards: tuple[str, ...]


def nvcc_flags(tree: Tree) -> list[Flag]:
    """Every flag for nvcc: from dictionaries under "nvcc", extra_cuda_cflags, and plain lists."""
    return flags_in(tree, _roots(tree))


def flags_in(tree: Tree, roots: Iterable[tuple[ast.expr, list[str]]]) -> list[Flag]:
    """The elements of lists of flags, each list with what guards it."""
    found: dict[int, Flag] = {}
    for root, guards in roots:
        for node, more in _items(tree, root, 0, frozenset()):
            chain = dict.fromkeys([*guards, *more, *tree.guards(node)])
            if id(node) not in found:
                found[id(node)] = Flag(node, tuple(strings(tree, node)), tuple(chain))
    return sorted(found.values(), key=lambda flag: (flag.node.lineno, flag.node.col_offset))


def _roots(tree: Tree) -> Iterator[tuple[ast.expr, list[str]]]:
    for mapping in tree.each(ast.Dict):
        for key, value in zip(mapping.keys, mapping.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "nvcc":
                yield value, []
    for given in tree.each(ast.keyword):
        if given.arg == "extra_cuda_cflags" or (
            given.arg == "extra_compile_args" and _for_cuda(tree.parents[given])
        ):
            yield given.value, []
    nodes: list[ast.Assign | ast.AugAssign | ast.Call] = [
        *tree.each(ast.Assign),
        *tree.each(ast.AugAssign),
        *tree.each(ast.Call),
    ]
    for node in nodes:
        yield from ((value, tree.guards(node)) for value in _into_nvcc(node))


def _for_cuda(call: ast.AST) -> bool:
    name = dotted_name(call.func) if isinstance(call, ast.Call) else None
    return (name or "").rpartition(".")[2] in _EXTENSIONS


def _into_nvcc(node: ast.Assign | ast.AugAssign | ast.Call) -> list[ast.expr]:
    """What is put into x["nvcc"]."""
    if isinstance(node, ast.Assign):
        return [node.value] if any(_is_nvcc(target) for target in node.targets) else []
    if isinstance(node, ast.AugAssign):
        return [node.value] if _is_nvcc(node.target) else []
    attribute = node.func
    if isinstance(attribute, ast.Attribute) and attribute.attr in _ADDING:
        return node.args[-1:] if _is_nvcc(attribute.value) else []
    return []


def _is_nvcc(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value == "nvcc"
    )


def _items(
    tree: Tree, node: ast.expr, depth: int, seen: frozenset[str]
) -> Iterator[tuple[ast.expr, list[str]]]:
    """The elements of a list expression, with what guards the statements that bring them in."""
    if depth > _CALL_DEPTH:
        return
    if isinstance(node, (ast.List, ast.Tuple)):
        for element in node.elts:
            yield from _items(tree, element, depth + 1, seen)
    elif isinstance(node, ast.Starred):
        yield from _items(tree, node.value, depth + 1, seen)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and not _is_text(node):
        yield from _items(tree, node.left, depth + 1, seen)
        yield from _items(tree, node.right, depth + 1, seen)
    elif isinstance(node, ast.IfExp):
        yield from _items(tree, node.body, depth + 1, seen)
        yield from _items(tree, node.orelse, depth + 1, seen)
    elif isinstance(node, ast.Name):
        if node.id not in seen:
            yield from _of_name(tree, node.id, depth, seen | {node.id})
    elif isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        yield node.elt, []
    elif isinstance(node, ast.Call):
        yield from _of_call(tree, node, depth, seen)
    elif isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
        yield node, []


def _of_name(
    tree: Tree, name: str, depth: int, seen: frozenset[str]
) -> Iterator[tuple[ast.expr, list[str]]]:
    for value in tree.assigned.get(name, []):
        yield from _items(tree, value, depth + 1, seen)
    for node in (*tree.each(ast.AugAssign), *tree.each(ast.Call)):
        added: list[ast.expr] = []
        if isinstance(node, ast.AugAssign) and dotted_name(node.target) == name:
            added = [node.value]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _ADDING
            and dotted_name(node.func.value) == name
        ):
            added = node.args[-1:]
        for value in added:
            guards = tree.guards(node)
            for item, more in _items(tree, value, depth + 1, seen):
                yield item, [*guards, *more]


def _of_call(
    tree: Tree, node: ast.Call, depth: int, seen: frozenset[str]
) -> Iterator[tuple[ast.expr, list[str]]]:
    """A function of this file, "…".split(), list(…), or a text that a call makes."""
    name = dotted_name(node.func) or ""
    function = tree.functions.get(name.rpartition(".")[2])
    if function is not None and name not in seen:
        for inner in ast.walk(function):
            if isinstance(inner, ast.Return) and inner.value is not None:
                yield from _items(tree, inner.value, depth + 1, seen | {name})
        for argument in node.args:  # what it is given may be what it gives back
            if isinstance(argument, (ast.List, ast.BinOp, ast.Name)):
                yield from _items(tree, argument, depth + 1, seen | {name})
    elif name in ("list", "tuple", "sorted") and node.args:
        yield from _items(tree, node.args[0], depth + 1, seen)
    else:
        yield node, []


def _is_text(node: ast.BinOp) -> bool:
    """Whether an addition joins texts, not lists."""
    return any(
        isinstance(side, (ast.Constant, ast.JoinedStr))
        or (isinstance(side, ast.BinOp) and isinstance(side.op, ast.Add) and _is_text(side))
        or (isinstance(side, ast.Call) and "join" in (dotted_name(side.func) or ""))
        for side in (node.left, node.right)
    )

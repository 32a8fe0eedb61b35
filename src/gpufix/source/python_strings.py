"""What strings an expression can be, as far as reading tells. Unknown parts are UNKNOWN."""

from __future__ import annotations

import ast
import posixpath
import re
from itertools import product

from gpufix.source.arch_flags import UNKNOWN
from gpufix.source.python_tree import Tree, dotted_name

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
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    return strings(tree, inner, depth + 1)


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

"""Whether a use of a name stands behind a test of the release that has it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from gpufix.source.python.tree import Tree, dotted_name

_WORDS = ("version", "hasattr", "torch_1", "major", "minor")


def tested(tree: Tree, node: ast.AST, name: str, aliases: Mapping[str, str]) -> bool:
    """Whether an enclosing test asks for a version, or whether a name exists."""
    last = name.rpartition(".")[2]
    return any(
        _tells(asked, last, aliases) or tree.tried(asked)
        for parent, child in tree.ancestors(node)
        for test in _tests(parent, child)
        for asked in _stands_for(tree, test)
    )


def _tests(parent: ast.AST, child: ast.AST) -> Sequence[ast.expr]:
    """What is asked before one part of a statement or an expression is reached."""
    if isinstance(parent, (ast.If, ast.IfExp, ast.While)):
        return () if child is parent.test else (parent.test,)
    if isinstance(parent, ast.BoolOp):
        return tuple(takewhile(lambda part: part is not child, parent.values))
    return ()


def _stands_for(tree: Tree, test: ast.expr) -> Iterator[ast.AST]:
    """A test, and what its names and the functions that it calls stand for in the file."""
    yield test
    if isinstance(test, ast.BoolOp):
        for part in test.values:
            yield from _stands_for(tree, part)
    elif isinstance(test, ast.UnaryOp):
        yield from _stands_for(tree, test.operand)
    elif isinstance(test, ast.Name):
        yield from tree.assigned.get(test.id, [])
    elif isinstance(test, ast.Call) and isinstance(test.func, ast.Name):
        function = tree.functions.get(test.func.id)
        yield from [function] if function else []


def _tells(node: ast.AST, last: str, aliases: Mapping[str, str]) -> bool:
    """Whether a test, or the function that is one, may be about releases."""
    text = ast.dump(node)
    if f"'{last}'" in text or any(word in text.lower() for word in _WORDS):
        return True
    if isinstance(node, ast.FunctionDef):
        return any(isinstance(part, ast.Try) for part in ast.walk(node))
    return any(
        isinstance(part, ast.Call)
        and dotted_name(part.func) == "getattr"
        and len(part.args) == 3
        and (dotted_name(part.args[0]) or "").partition(".")[0] in aliases
        for part in ast.walk(node)
    )

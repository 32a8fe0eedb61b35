"""Names that a Python file binds itself: to read one before that fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gpufix.source.builds import python_operations as ops
from gpufix.source.python.import_world import Fails

_BIND_UNSEEN = frozenset({"exec", "globals", "locals", "vars", "__builtins__", "builtins"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def unbound(name: ast.Name, tree: ast.Module | None, python: tuple[int, ...]) -> Fails | None:
    """What reading a name raises that has no value; None where the file may bind it unseen."""
    if tree is None or name.id not in set(_bound(tree)) or _binds_unseen(tree, name.id):
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, _Function) and node.lineno < name.lineno <= (node.end_lineno or 0)
    ]
    within = max(around, key=lambda node: node.lineno) if around else None
    if within is None or name.id not in set(_bound(within)) - _declared(within):
        return ops.raises("NameError", f"name '{name.id}' is not defined")
    said = f"cannot access local variable '{name.id}' where it is not associated with a value"
    if python < (3, 11):
        said = f"local variable '{name.id}' referenced before assignment"
    return ops.raises("UnboundLocalError", said)


def _bound(within: ast.AST) -> Iterator[str]:
    """The names that assignments and imports bind."""
    for node in ast.walk(within):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)


def _declared(within: ast.AST) -> set[str]:
    """Those that it says are of another scope."""
    nodes = ast.walk(within)
    return {n for node in nodes if isinstance(node, (ast.Global, ast.Nonlocal)) for n in node.names}


def _binds_unseen(tree: ast.Module, name: str) -> bool:
    """Whether a text, a module, or an expression in a comprehension may bind it."""
    return any(
        (isinstance(node, ast.Name) and node.id in _BIND_UNSEEN)
        or (isinstance(node, ast.NamedExpr) and node.target.id == name)
        or (isinstance(node, ast.ImportFrom) and node.names[0].name == "*")
        for node in ast.walk(tree)
    )

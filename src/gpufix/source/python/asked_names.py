"""What a script asks of the modules that it imports, and what a module binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gpufix.frozen import Frozen
from gpufix.source.python.tree import Tree

_OPAQUE = ("__getattr__", "globals(", "sys.modules", "__path__", "exec(", "setattr(")


class Asked(Frozen):
    """A module, or a name of one, and the line that asks for it. `module`: as it is imported."""

    module: str
    name: str  # "" = the module itself
    line: int


def asked(tree: Tree, package: str = "") -> Iterator[Asked]:
    """What the imports that stand under no condition ask for, and attributes of modules so imported.

    `package`: what relative imports are relative to.
    """
    known: dict[str, str] = {}
    for node in tree.module.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Asked(alias.name, "", node.lineno)
                if alias.asname or "." not in alias.name:
                    known[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and (base := _base(node, package)):
            yield from (
                Asked(base, a.name if a.name != "*" else "", node.lineno) for a in node.names
            )
    if not known:
        return
    stored = {name.id for name in tree.each(ast.Name) if isinstance(name.ctx, ast.Store)}
    for inner in tree.each(ast.Attribute):
        if isinstance(inner.value, ast.Name) and isinstance(inner.ctx, ast.Load):
            name = inner.value.id
            if name in known and name not in stored:
                yield Asked(known[name], inner.attr, inner.lineno)


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if package else []
    return ".".join([*above, *([node.module] if node.module else [])]) if above else ""


def bound(text: str, tree: Tree, module: str) -> set[str] | None:
    """The names that a module binds wherever it does; None where only a run could tell.

    Those that it imports from itself do not count.
    """
    if any(word in text for word in _OPAQUE):
        return None
    names = {"__name__", "__file__", "__doc__", "__version__", "__dict__", "__spec__", "__loader__"}
    for node in tree.nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import):
            names.update((a.asname or a.name).partition(".")[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                return None
            if _base(node, module) != module:
                names.update(alias.asname or alias.name for alias in node.names)
    return names

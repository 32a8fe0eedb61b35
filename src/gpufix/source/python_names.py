"""What the names of one Python file stand for, as far as its imports settle it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from gpufix.source.python_tree import Tree

Import = ast.Import | ast.ImportFrom
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Names:
    """The bindings of one file. A name that is bound twice is settled when both say the same."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.bindings: dict[str, list[ast.AST]] = {}
        self._imports: dict[str, dict[ast.AST, list[Import]]] = {}  # name -> scope -> imports
        self._others: dict[tuple[str, str], ast.AST | None] = {}
        self._origins: dict[str, set[str]] = {}
        for node in sorted(tree.nodes, key=_place):
            for name in _bound(node):
                self.bindings.setdefault(name, []).append(node)
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    scopes = self._imports.setdefault(name, {})
                    scopes.setdefault(self.scope(node), []).append(node)
                    found = origin(node, name)
                    self._origins.setdefault(name, set()).update([found] if found else [])

    def origins(self, name: str) -> set[str]:
        """What its imports say it is: {"nvdiffrast.torch"} of `import nvdiffrast.torch as dr`."""
        return self._origins.get(name, set())

    def meaning(self, dotted: str) -> str | None:
        """ "nvdiffrast.torch.rasterize" of "dr.rasterize"; None where imports do not settle it."""
        head, dot, rest = dotted.partition(".")
        origins = self.origins(head)
        first = next(iter(origins), None)
        if first is None or self.otherwise(head, first):
            return None
        return f"{first}{dot}{rest}"

    def otherwise(self, name: str, wanted: str) -> ast.AST | None:
        """A binding that makes something else of it. `name = None` does not: nothing uses that."""
        if (name, wanted) not in self._others:
            every = self.bindings.get(name, [])
            other = next((node for node in every if self._differs(node, name, wanted)), None)
            self._others[name, wanted] = other
        return self._others[name, wanted]

    def givers(self, node: ast.AST, name: str) -> list[Import]:
        """The imports by which a name is bound where a node uses it, in their order.

        Those of the innermost scope that has some; none: it is not imported there.
        """
        scopes = self._imports.get(name, {})
        return next((scopes[s] for s in self._visible(node) if s in scopes), [])

    def scope(self, node: ast.AST) -> ast.AST:
        """The function, class or module that a statement binds its names in."""
        return next(p for p, _ in self._tree.ancestors(node) if isinstance(p, Scope))

    @cached_property
    def stars(self) -> list[ast.ImportFrom]:
        """Every `import *`: below another import, it may bind any name anew."""
        every = self._tree.each(ast.ImportFrom)
        return [n for n in every if n.names[0].name == "*"]

    def _visible(self, node: ast.AST) -> Iterator[ast.AST]:
        """Scopes from the inside out; of classes, only that of the statement itself."""
        first = True
        for parent, child in self._tree.ancestors(node):
            if not isinstance(parent, Scope):
                continue
            if not isinstance(child, ast.stmt) and child is not parent.body:
                continue  # a decorator or a default: evaluated outside
            if first or not isinstance(parent, ast.ClassDef):
                yield parent
            first = False

    def _differs(self, node: ast.AST, name: str, wanted: str) -> bool:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return origin(node, name) != wanted
        return not self._is_none(node)

    def _is_none(self, node: ast.AST) -> bool:
        """The target of `name = None`, or an annotation alone."""
        parent = self._tree.parents.get(node)
        if not isinstance(parent, (ast.Assign, ast.AnnAssign)):
            return False
        value = parent.value
        return value is None or (isinstance(value, ast.Constant) and value.value is None)


def origin(node: Import, name: str) -> str | None:
    """The dotted name that an import binds `name` to; None: it does not, or relative to a package."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            if (alias.asname or alias.name) == name and node.module and not node.level:
                return f"{node.module}.{alias.name}"
        elif alias.asname == name:
            return alias.name
        elif alias.asname is None and alias.name.partition(".")[0] == name:
            return name
    return None


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        yield from [node.name] if node.name else []
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest

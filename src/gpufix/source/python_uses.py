"""Where a Python file uses a function of a module, and what makes a use uncertain."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator

from gpufix.source.python_names import Import, Names
from gpufix.source.python_tree import Tree, dotted_name

# Whether an `import *` may make something else of a name than what it is to be.
Rebinds = Callable[[ast.ImportFrom, str, str], bool]


class Uses:
    """Of a function that goes by several full names; `instead`: what shall be called."""

    def __init__(
        self,
        tree: Tree,
        names: Collection[str],
        instead: str,
        not_within: Collection[str],
        rebinds: Rebinds,
    ) -> None:
        self.names = Names(tree)
        self._tree, self._wanted, self._not_within = tree, set(names), set(not_within)
        self._modules = {name.rpartition(".")[0] for name in names}
        self._lasts = {name.rpartition(".")[2] for name in names}
        self._new = instead.rpartition(".")[0]
        self._rebinds = rebinds
        self._stars: dict[tuple[Import, str], ast.ImportFrom | None] = {}

    def settled(self) -> Iterator[tuple[ast.expr, str, str]]:
        """(expression, its first name, what imports say that is)."""
        nodes: list[ast.Attribute | ast.Name] = [
            *self._tree.each(ast.Attribute),
            *self._tree.each(ast.Name),
        ]
        for node in nodes:
            if not isinstance(node.ctx, ast.Load):
                continue
            head, dot, rest = (dotted_name(node) or "").partition(".")
            for origin in self.names.origins(head):
                if f"{origin}{dot}{rest}" in self._wanted:
                    yield node, head, origin

    def doubt(self, node: ast.expr, head: str, origin: str) -> str | None:
        """Why an expression is left as it is."""
        parent = self._tree.parents.get(node)
        if not isinstance(parent, ast.Call) or parent.func is not node:
            return "handed on, not called"
        if other := self.names.otherwise(head, origin):
            return f"{head} is something else by line {_line(other)}"
        if other := self.names.otherwise(self._new.partition(".")[0], self._new.partition(".")[0]):
            return f"the name {self._new} is taken by line {_line(other)}"
        givers = self.names.givers(node, head)
        if not givers:
            return f"{head} is not imported where it is used"
        if star := self._rebound(givers[-1], head, origin):
            return f"`import *` in line {star.lineno} may bind {head} anew"
        within = self._within(node)
        return f"in a `with` of {within}" if within else None

    def unsettled(self) -> list[tuple[int, str]]:
        """(line, why): uses through objects that carry the module, or through `import *`."""
        found = []
        carriers = self._carriers()
        for node in self._tree.each(ast.Attribute):
            owner = dotted_name(node.value) or ""
            if node.attr not in self._lasts or owner.rpartition(".")[2] not in carriers:
                continue
            if not self.names.origins(owner.partition(".")[0]):
                found.append((node.lineno, f"nothing here settles what {owner} is"))
        if any(n.module in self._modules for n in self.names.stars):
            free = self._lasts - self.names.bindings.keys()
            used = [n for n in self._tree.each(ast.Name) if n.id in free]
            found += [(n.lineno, "it comes by `import *`") for n in used]
        return found

    def _rebound(self, last: Import, head: str, origin: str) -> ast.ImportFrom | None:
        """The `import *` below the last import of a name that may make something else of it."""
        if (last, head) not in self._stars:
            whole = self.names.scope(last) is self._tree.module
            below = [s for s in self.names.stars if whole and s.lineno > last.lineno]
            found = (s for s in below if self._rebinds(s, head, origin))
            self._stars[last, head] = next(found, None)
        return self._stars[last, head]

    def _carriers(self) -> set[str]:
        """Last names of what the module is assigned to: `self.dr = dr`, `dr = import_module("…")`."""
        every = self.names.bindings
        known = {n for n in every if self.names.origins(n) & self._modules}
        found = set(known)
        for node in self._tree.each(ast.Assign):
            if self._carries(node.value, known):
                targets = (dotted_name(target) for target in node.targets)
                found |= {target.rpartition(".")[2] for target in targets if target}
        return found

    def _carries(self, value: ast.expr, known: set[str]) -> bool:
        if dotted_name(value) in known:
            return True
        words = (n.value for n in ast.walk(value) if isinstance(n, ast.Constant))
        return isinstance(value, ast.Call) and any(word in self._modules for word in words)

    def _within(self, node: ast.expr) -> str | None:
        for parent, child in self._tree.ancestors(node):
            if isinstance(parent, (ast.With, ast.AsyncWith)) and child in parent.body:
                for item in parent.items:
                    made = item.context_expr
                    name = dotted_name(made.func) if isinstance(made, ast.Call) else None
                    if (last := (name or "").rpartition(".")[2]) in self._not_within:
                        return last
        return None


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))

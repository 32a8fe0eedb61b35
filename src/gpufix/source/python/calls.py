"""Where a Python file calls a function of a module, and such calls made calls of another."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import field

from gpufix.frozen import Frozen
from gpufix.source.edits import Edit, Offsets
from gpufix.source.python.modules import Bindings, Import
from gpufix.source.python.python_edits import finished
from gpufix.source.python.tree import Tree, dotted_name

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
        self.names = Bindings(tree)
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
            return f"`import *` in line {star.lineno} may bind {head} again"
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
            at_module_level = self.names.scope(last) is self._tree.module
            below = [s for s in self.names.stars if at_module_level and s.lineno > last.lineno]
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


class Redirected(Frozen):
    """`text`: the changed file; None when nothing is changed. `calls`: first and last line of each
    call that was changed, as it was; `left`: (line, why) of what was not."""

    text: str | None
    calls: list[tuple[int, int]] = field(default_factory=list)
    left: list[tuple[int, str]] = field(default_factory=list)


def redirect(
    text: str,
    names: Collection[str],
    instead: str,
    not_within: Collection[str] = (),
    rebinds: Rebinds = lambda *_: True,
) -> Redirected:
    """Calls of any of `names` ("nvdiffrast.torch.rasterize") become calls of `instead`.

    not_within: classes in whose `with` the call is left alone. Raises NotPython.
    """
    tree = Tree(text)
    uses = Uses(tree, names, instead, not_within, rebinds)
    offsets = Offsets(text)
    edits: list[Edit] = []
    calls, left = [], uses.unsettled()
    givers: dict[int, list[Import]] = {}
    for node, head, origin in uses.settled():
        start, end = offsets.of(node)
        why = uses.doubt(node, head, origin)
        if why is None and text[start:end] != dotted_name(node):  # within an f-string, broken up
            why = "not written in one piece"
        if why is not None:
            left.append((node.lineno, why))
            continue
        edits.append(Edit(start, end, instead))
        call = tree.parents[node]
        calls.append((node.lineno, int(getattr(call, "end_lineno", node.lineno))))
        given = uses.names.givers(node, head)
        givers[id(given)] = given
    module = instead.rpartition(".")[0]
    every = [node for given in givers.values() for node in given]
    edits += _imports(text, tree, uses.names, offsets, every, module)
    changed = finished(text, tree, edits) if edits else None
    if edits and changed is None:
        return Redirected(
            None, [], sorted({*left, *((n, "it cannot be edited") for n, _ in calls)})
        )
    return Redirected(changed, sorted(calls), sorted(set(left)))


def _imports(
    text: str, tree: Tree, names: Bindings, offsets: Offsets, givers: list[Import], module: str
) -> Iterator[Edit]:
    """`import module` after each import that a changed call relies on: in a block once, and in a
    scope once when the first of them is always come to."""
    blocks: dict[ast.AST, list[ast.stmt]] = {}  # statement -> the list that holds it
    for parent in {tree.parents[node] for node in givers}:
        for _, value in ast.iter_fields(parent):
            blocks |= dict.fromkeys(value, value) if isinstance(value, list) else {}
    served: set[int] = set()
    for node in sorted(givers, key=lambda n: (n.lineno, n.col_offset)):
        scope, block = names.scope(node), blocks[node]
        if id(scope) in served or id(block) in served:
            continue
        served.add(id(scope if block is getattr(scope, "body", None) else block))
        if not any(_brings(other, module) for other in block):
            yield _beside(text, offsets, node, module)


def _brings(node: ast.stmt, module: str) -> bool:
    return isinstance(node, ast.Import) and any(
        alias.name == module and not alias.asname for alias in node.names
    )


def _beside(text: str, offsets: Offsets, node: Import, module: str) -> Edit:
    """A line of its own below the import, or `; import …` where that shares its line."""
    start, end = offsets.of(node)
    last = node.end_lineno or node.lineno
    indent, below = text[offsets.line_start(node.lineno) : start], offsets.line_start(last + 1)
    rest = text[end:below]
    ending = rest[len(rest.rstrip("\r\n")) :]
    if indent.strip() or not (rest.strip() == "" or rest.lstrip().startswith("#")):
        return Edit(end, end, f"; import {module}")
    if not ending:
        newline = "\r\n" if "\r\n" in text else "\n"
        return Edit(below, below, f"{newline}{indent}import {module}")
    return Edit(below, below, f"{indent}import {module}{ending}")

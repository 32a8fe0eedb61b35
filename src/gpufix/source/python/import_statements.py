"""Statements of module code, run as far as they can be told."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import Any

from gpufix.source.python.import_catching import Catching
from gpufix.source.python.import_expressions import ROUNDS
from gpufix.source.python.import_operations import joined
from gpufix.source.python.import_values import (
    UNKNOWN,
    AnyFunction,
    Class,
    Frame,
    Function,
    Instance,
    Module,
    Outside,
)
from gpufix.source.python.import_world import Fails, Leaves, Return
from gpufix.source.python.tree import dotted_name

_MAY_SKIP = (ast.BoolOp, ast.IfExp, ast.Lambda, ast.comprehension)
_TRANSPARENT = {
    "cache", "lru_cache", "functools.cache", "functools.lru_cache", "staticmethod", "classmethod",
}  # fmt: skip


class Statements(Catching):
    """Runs blocks; import_catching.py what catches, importing.py knows modules."""

    @abstractmethod
    def import_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        """Run a `from` import. Raises Fails."""

    @abstractmethod
    def top_of(self, name: str) -> Any:
        """The outermost package of an imported module."""

    def block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """Run statements. Raises Fails, Return, Leaves."""
        for statement in body:
            self.step()
            self.places[-1] = f"{frame.module.path}:{statement.lineno}"
            try:
                run = getattr(self, _method(type(statement).__name__), None)
                if run is not None:
                    run(statement, frame)
            except Fails as failure:
                failure.chain.append(f"{frame.module.path}:{statement.lineno}")
                if not self.misread(failure, frame):
                    raise
                self.doubts.append(failure)

    def _on_expr(self, node: ast.Expr, frame: Frame) -> None:
        self.value(node.value, frame)

    def _on_import(self, node: ast.Import, frame: Frame) -> None:
        for alias in node.names:
            module = self.import_module(alias.name)
            top = alias.name.partition(".")[0]
            frame.names[alias.asname or top] = module if alias.asname else self.top_of(top)

    def _on_importfrom(self, node: ast.ImportFrom, frame: Frame) -> None:
        self.import_from(node, frame)

    def _on_assign(self, node: ast.Assign, frame: Frame) -> None:
        value = self.value(node.value, frame)
        for target in node.targets:
            self.bind(target, value, frame)

    def _on_annassign(self, node: ast.AnnAssign, frame: Frame) -> None:
        outermost = frame.of_class or frame.names is frame.module.names
        if outermost and self.world.lost() and not self._postponed(frame):
            self._ask_for(node.annotation, frame)
        if node.value is not None:
            self.bind(node.target, self.value(node.value, frame), frame)

    def _on_augassign(self, node: ast.AugAssign, frame: Frame) -> None:
        value = self.value(node.value, frame)
        held = frame.get(node.target.id) if isinstance(node.target, ast.Name) else UNKNOWN
        self.bind(node.target, joined(node.op, held, value), frame)

    def bind(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Assign to a name, an attribute or an item."""
        if isinstance(target, ast.Name):
            names = frame.module.names if target.id in frame.outer else frame.names
            names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            same = isinstance(value, (list, tuple)) and len(value) == len(target.elts)
            for at, part in enumerate(target.elts):
                self.bind(part, value[at] if same else UNKNOWN, frame)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, frame)
            if isinstance(owner, (Module, Instance, Class)):
                owner.names[target.attr] = UNKNOWN if self.perhaps_runs else value
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, frame)
            key = self.value(target.slice, frame)
            if isinstance(owner, dict):
                plain = isinstance(key, (str, int)) and not self.perhaps_runs
                owner[key if plain else UNKNOWN] = value
            elif isinstance(owner, list):
                owner.append(UNKNOWN)

    def _on_functiondef(self, node: ast.FunctionDef, frame: Frame) -> None:
        for decorator in node.decorator_list:
            self.value(decorator, frame)
        self._header(node, frame)
        called = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
        plain = all(dotted_name(name) in _TRANSPARENT for name in called)
        frame.names[node.name] = Function(node, frame) if plain else UNKNOWN

    def _on_asyncfunctiondef(self, node: ast.AsyncFunctionDef, frame: Frame) -> None:
        self._header(node, frame)
        frame.names[node.name] = UNKNOWN

    def _header(self, node: AnyFunction, frame: Frame) -> None:
        """Defaults and annotations are evaluated where a function stands; here, if they ask for what is not there."""
        lost = self.world.lost()
        late = frame.module.functions.get(node.lineno)
        if not lost or (late is not None and not any(name in late.header for name in lost)):
            return
        whole = self.whole_of(Function(node, frame))
        if whole is None:
            return
        parts: list[ast.AST | None] = [*whole.args.defaults, *whole.args.kw_defaults]
        if not self._postponed(frame):
            arguments = ast.walk(whole.args)
            parts += [whole.returns, *(a.annotation for a in arguments if isinstance(a, ast.arg))]
        for part in filter(None, parts):
            self._ask_for(part, frame)

    def _postponed(self, frame: Frame) -> bool:
        """Whether annotations are no code that runs: PEP 563 in a module, PEP 649 from Python 3.14 on."""
        stated = frame.module.names.get("annotations")
        future = isinstance(stated, Outside) and stated.name == "__future__.annotations"
        return future or self.world.version >= (3, 14)

    def _ask_for(self, part: ast.AST, frame: Frame) -> None:
        inner = list(ast.walk(part))
        if not any(isinstance(node, _MAY_SKIP) for node in inner):
            for node in inner:
                if isinstance(node, ast.Attribute):
                    self.value(node, frame)

    def _on_global(self, node: ast.Global, frame: Frame) -> None:
        frame.outer.update(node.names)

    def _on_classdef(self, node: ast.ClassDef, frame: Frame) -> None:
        bases = [self.value(part, frame) for part in node.bases]
        for part in (*node.decorator_list, *(k.value for k in node.keywords)):
            self.value(part, frame)
        made = Frame(frame.module, {}, frame, frame.doubtful, of_class=True)
        self.block(node.body, made)
        plain = not node.keywords and not node.decorator_list
        kind = Class(node.name, made.names, bases)
        for each in made.names.values():
            if isinstance(each, Function) and each.frame is made:
                each.of = kind
        frame.names[node.name] = kind if plain else UNKNOWN

    def _on_return(self, node: ast.Return, frame: Frame) -> None:
        raise Return(self.value(node.value, frame) if node.value else None)

    def _on_break(self, node: ast.Break, frame: Frame) -> None:
        raise Leaves(ends=True)

    def _on_continue(self, node: ast.Continue, frame: Frame) -> None:
        raise Leaves(ends=False)

    def _on_if(self, node: ast.If, frame: Frame) -> None:
        known = self.decides(self.value(node.test, frame))
        if known is not None:
            self.block(node.body if known else node.orelse, frame)
            return
        self.perhaps(node.body, frame)
        self.perhaps(node.orelse, frame)

    def _on_while(self, node: ast.While, frame: Frame) -> None:
        if self.decides(self.value(node.test, frame)) is not False:
            self.perhaps(node.body, frame)

    def _on_match(self, node: Any, frame: Frame) -> None:
        self.value(node.subject, frame)
        for case in node.cases:
            self.perhaps(case.body, frame)

    def _on_for(self, node: ast.For, frame: Frame) -> None:
        every = self.value(node.iter, frame)
        if isinstance(every, dict):
            every = UNKNOWN if UNKNOWN in every else list(every)
        if not isinstance(every, (list, tuple)) or len(every) > ROUNDS:
            self.bind(node.target, UNKNOWN, frame)
            self.perhaps(node.body, frame)
            self.perhaps(node.orelse, frame)
            return
        for value in list(every):
            self.bind(node.target, value, frame)
            try:
                self.block(node.body, frame)
            except Leaves as leaves:
                if leaves.ends:
                    return
        self.block(node.orelse, frame)

    def _on_assert(self, node: ast.Assert, frame: Frame) -> None:
        self.value(node.test, frame)


@cache
def _method(kind: str) -> str:
    return f"_on_{kind.lower()}"

"""A Python build file, run abstractly in a build's world: exact where all is known.

What is not known and is asked for is chosen (`Choices`): one run goes one way, and
setup_py.py runs the file again for the other.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from gpufix.source.builds import python_formats as formats
from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.python_expressions import WithExpressions
from gpufix.source.builds.python_values import (
    Bag,
    OpenFile,
    OutsideMethod,
    Partial,
    Rest,
    Text,
    hidden,
)
from gpufix.source.builds.run import EnvironmentWrite, Place
from gpufix.source.python.import_guards import catches, classes_of, kinds_by_name, kinds_of
from gpufix.source.python.import_values import (
    Class,
    Frame,
    Function,
    Instance,
    Module,
    Outside,
    Raised,
    Unknown,
    truth,
)
from gpufix.source.python.import_world import (
    Fails,
    Leaves,
)
from gpufix.source.python.tree import dotted_name

_ROUNDS = 2_000  # of a loop


class BuildPython(WithExpressions):
    """Runs a build file, statement after statement."""

    def block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """Run statements. Raises Fails, Return, Leaves."""
        for statement in body:
            self.at = Place(self.relative(frame.module.path), statement.lineno)
            super().block((statement,), frame)

    def bind(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Assign to a name, an attribute or an item."""
        if isinstance(target, (ast.Tuple, ast.List)):
            self._spread(target.elts, value, frame)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, frame)
            if isinstance(owner, (Module, Instance, Class)):
                owner.names[target.attr] = value
            elif isinstance(owner, Outside):
                self._known[f"{owner.name}.{target.attr}"] = value
            elif isinstance(owner, OutsideMethod):
                pass
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, frame)
            if isinstance(target.slice, ast.Slice):
                if isinstance(owner, list):
                    owner[:] = ops.elements(value)
                return
            self._set_item(owner, self.value(target.slice, frame), value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, frame)
        elif isinstance(target, ast.Name) and target.id in frame.names.get("__nonlocal__", ()):
            above = frame.above
            while above is not None and target.id not in above.names:
                above = above.above
            (above or frame).names[target.id] = value
        else:
            super().bind(target, value, frame)

    def _spread(self, targets: Sequence[ast.expr], value: Any, frame: Frame) -> None:
        values: list[Any] = ops.elements(value)
        star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
        if any(isinstance(each, Rest) for each in values):
            why = ops.shown(value)
            values = [Unknown(f"{why}[{i}]") for i in range(len(targets))]
            if star is not None:
                values[star] = [Rest(why)]
        elif star is not None and len(values) >= len(targets) - 1:
            end = len(values) - (len(targets) - star - 1)
            values = [*values[:star], values[star:end], *values[end:]]
        elif len(values) != len(targets):
            raise ops.raises("ValueError", "cannot unpack: another number of values")
        for target, each in zip(targets, values, strict=False):
            self.bind(target, each, frame)

    def _set_item(self, owner: Any, key: Any, value: Any) -> None:
        if isinstance(owner, Outside) and owner.name == "os.environ":
            self.set_variable(key, value)
        elif isinstance(owner, dict):
            owner[key if ops.hashable(key) else Unknown("a key")] = value
        elif isinstance(owner, list) and isinstance(key, int) and -len(owner) <= key < len(owner):
            owner[key] = value

    def set_variable(self, name: Any, value: Any) -> None:
        """`os.environ[name] = value`; None unsets it."""
        if not isinstance(name, str) or hidden(name):
            return
        text = str(value) if isinstance(value, str) else None
        if value is None:
            self.environ.pop(str(name), None)
        else:
            self.environ[str(name)] = text if text is not None else "\0"
        place = value.place if isinstance(value, Text) and value.place == self.at else self.at
        shown = "\0" if value is not None and text is None else text
        self.writes.append(EnvironmentWrite(str(name), shown, place))

    def _on_augassign(self, node: ast.AugAssign, frame: Frame) -> None:
        load = _loaded(node.target)
        held, value = self.value(load, frame), self.value(node.value, frame)
        if isinstance(held, list) and isinstance(node.op, ast.Add) and not isinstance(held, Bag):
            if len(held) < ops.MOST:
                held.extend(ops.elements(value))
            self.bind(node.target, held, frame)
            return
        made = self.operated(node.op, held, value)
        self.bind(node.target, ops.placed(made, self.at), frame)

    def _on_nonlocal(self, node: ast.Nonlocal, frame: Frame) -> None:
        frame.names.setdefault("__nonlocal__", set()).update(node.names)

    def _on_delete(self, node: ast.Delete, frame: Frame) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                frame.names.pop(target.id, None)
            elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
                owner, key = self.value(target.value, frame), self.value(target.slice, frame)
                if isinstance(owner, Outside) and owner.name == "os.environ":
                    self.set_variable(key, None)
                elif isinstance(owner, dict) and ops.hashable(key):
                    owner.pop(key, None)
                elif (
                    isinstance(owner, list)
                    and isinstance(key, int)
                    and -len(owner) <= key < len(owner)
                ):
                    del owner[key]

    def _on_functiondef(self, node: ast.FunctionDef, frame: Frame) -> None:
        for decorator in node.decorator_list:
            self.value(decorator, frame)
        frame.names[node.name] = Function(node, frame)

    def _on_classdef(self, node: ast.ClassDef, frame: Frame) -> None:
        super()._on_classdef(node, frame)
        if isinstance(frame.names[node.name], Unknown):
            bare = ast.ClassDef(node.name, node.bases, [], node.body, [])
            super()._on_classdef(ast.copy_location(bare, node), frame)
        kind = frame.names[node.name]
        made = [*node.decorator_list, *node.bases]
        names = {(dotted_name(getattr(d, "func", d)) or "").rpartition(".")[2] for d in made}
        if isinstance(kind, Class) and names & {"dataclass", "NamedTuple"}:
            rows = [row for row in node.body if isinstance(row, ast.AnnAssign)]
            kind.names["__fields__"] = [r.target.id for r in rows if isinstance(r.target, ast.Name)]

    def _on_while(self, node: ast.While, frame: Frame) -> None:
        for _ in range(_ROUNDS):
            test = self.value(node.test, frame)
            known = truth(test) if not isinstance(test, Unknown) else None
            if not (self.decides(test) if known is None else known):
                break
            try:
                self.block(node.body, frame)
            except Leaves as leaves:
                if leaves.ends:
                    return
            if known is None:
                return
        self.block(node.orelse, frame)

    def _on_for(self, node: ast.For, frame: Frame) -> None:
        every = self.value(node.iter, frame)
        values = self.read_lines(every) if isinstance(every, OpenFile) else ops.elements(every)
        for value in self.rounds(values)[:_ROUNDS]:
            self.bind(node.target, value, frame)
            try:
                self.block(node.body, frame)
            except Leaves as leaves:
                if leaves.ends:
                    return
        self.block(node.orelse, frame)

    def _on_match(self, node: Any, frame: Frame) -> None:
        subject = self.value(node.subject, frame)
        for case in node.cases:
            if self._fits(case.pattern, subject, frame) and (
                case.guard is None or self.decides(self.value(case.guard, frame))
            ):
                self.block(case.body, frame)
                return

    def _fits(self, pattern: Any, subject: Any, frame: Frame) -> bool:
        if isinstance(pattern, ast.MatchValue):
            wanted = self.value(pattern.value, frame)
            return bool(self.decides(ops.compared(ast.Eq(), subject, wanted)))
        if isinstance(pattern, ast.MatchOr):
            return any(self._fits(each, subject, frame) for each in pattern.patterns)
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
            if pattern.name:
                frame.names[pattern.name] = subject
            return True
        return self.choices.choose(f"{ops.shown(subject)} matches", self.at)

    def _on_with(self, node: ast.With, frame: Frame) -> None:
        taken: set[str] | None = set()
        for item in node.items:
            value = self.value(item.context_expr, frame)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, frame)
            if isinstance(value, Partial) and value.called == "suppress":
                taken = classes_of(value.args)
        if not taken:
            self.block(node.body, frame)
            return
        self._guards.append([taken])
        try:
            self.block(node.body, frame)
        except Fails as failure:
            if not catches(taken, failure):
                raise
        finally:
            self._guards.pop()

    def _on_assert(self, node: ast.Assert, frame: Frame) -> None:
        if not self.decides(self.value(node.test, frame)):
            said = self.value(node.msg, frame) if node.msg else ast.unparse(node.test)[:120]
            raise ops.raises("AssertionError", _message(said))

    def _on_raise(self, node: ast.Raise, frame: Frame) -> None:
        around = frame.last
        if node.exc is None:
            raise around.again(around.kinds) if around else ops.raises("Exception", "")
        made = node.exc
        args: list[Any] = []
        if isinstance(made, ast.Call):
            kind = self.value(made.func, frame)
            args = [self.value(arg, frame) for arg in made.args]
        else:
            kind = self.value(made, frame)
        if isinstance(kind, Raised):
            raise kind.failure.again(kind.failure.kinds)
        kinds = kinds_of(kind) or kinds_by_name("Exception")
        missing = around.missing if around is not None else ""
        raise Fails(kinds, missing=missing, said=_message(args[0] if args else ""))


def _message(value: Any) -> str:
    text = formats.text_of(value) if not isinstance(value, (list, tuple)) else ops.shown(value)
    return text.replace("\0", "…")[:400]


def _loaded(target: ast.expr) -> ast.expr:
    """The same place, read."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return target

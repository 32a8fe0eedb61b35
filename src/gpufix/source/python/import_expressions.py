"""Expressions of module code: their values, as far as they can be told."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

from gpufix.source.python.import_operations import bounded, compared, joined
from gpufix.source.python.import_values import (
    UNKNOWN,
    AnyFunction,
    Bound,
    Class,
    Frame,
    Function,
    Instance,
    Outside,
    Unknown,
    attribute,
    truth,
)
from gpufix.source.python.import_world import (
    NO_NAME,
    Fails,
    Return,
    Surroundings,
    TooMuch,
    constants,
)

STEPS = 200_000  # statements and expressions of one import
# A function that brought in nothing so often is run no more; one of the package itself: ROUNDS.
_IDLE = 20
_DEPTH = 60  # nested calls and imports
ROUNDS = 64  # of a loop


class Expressions(ABC):
    """Evaluates what can be told; importing.py runs statements and modules, import_calls.py what
    is not followed."""

    def __init__(self, world: Surroundings) -> None:
        self.world = world
        self.doubts: list[Fails] = []
        self.places: list[str] = []  # "FILE:LINE" of each call that runs
        self.steps = self._depth = 0
        self.most = STEPS
        self.asked = 0  # how often something was to be imported or opened
        self._idle: dict[ast.AST, int] = {}  # by function: runs that brought in nothing
        self._yield: dict[ast.AST, bool] = {}  # by function
        self._known = constants(world)

    @abstractmethod
    def import_module(self, name: str) -> Any:
        """The module of a dotted name. Raises Fails."""

    @abstractmethod
    def whole_of(self, function: Function) -> AnyFunction | None:
        """The parameters and body of a function; None when they cannot be read."""

    @abstractmethod
    def block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """Run statements. Raises Fails, Return, Leaves."""

    @abstractmethod
    def bind(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Assign to a name, an attribute or an item."""

    @abstractmethod
    def outside(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of what is not followed, by its name. Raises Fails."""

    @abstractmethod
    def of_value(self, owner: Any, name: str, args: list[Any]) -> Any:
        """A call of a method of a plain value. Raises Fails."""

    def decides(self, value: Any) -> bool | None:
        """Whether a condition holds; None when only a run could tell."""
        return truth(value)

    def step(self) -> None:
        """Count one. Raises TooMuch."""
        self.steps += 1
        if self.steps > self.most:
            raise TooMuch

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One call or import further down. Raises TooMuch."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise TooMuch
        self.places.append("")
        try:
            yield
        finally:
            self._depth -= 1
            self.places.pop()

    def value(self, node: ast.expr | None, frame: Frame) -> Any:
        """What an expression yields; UNKNOWN is what only a run could tell. Raises Fails."""
        if node is None:
            return None
        self.step()
        tell = getattr(self, _method(type(node).__name__), None)
        if tell is not None:
            return tell(node, frame)
        if not isinstance(node, (ast.Lambda, ast.DictComp, ast.SetComp)):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.value(child, frame)
        return UNKNOWN

    def _of_constant(self, node: ast.Constant, frame: Frame) -> Any:
        return node.value

    def _of_name(self, node: ast.Name, frame: Frame) -> Any:
        found = frame.get(node.id)
        return self._told(found) if isinstance(found, Outside) else found

    def _of_tuple(self, node: ast.Tuple, frame: Frame) -> Any:
        return tuple(self._items(node.elts, frame))

    def _of_list(self, node: ast.List, frame: Frame) -> Any:
        return list(self._items(node.elts, frame))

    _of_set = _of_list

    def _items(self, nodes: Sequence[ast.expr], frame: Frame) -> Iterator[Any]:
        for part in nodes:
            inner = part.value if isinstance(part, ast.Starred) else part
            value = self.value(inner, frame)
            if inner is not part and isinstance(value, (list, tuple)):
                yield from value
            else:
                yield UNKNOWN if inner is not part else value

    def _of_dict(self, node: ast.Dict, frame: Frame) -> Any:
        made: dict[Any, Any] = {}
        for key, held in zip(node.keys, node.values, strict=True):
            name, value = self.value(key, frame) if key else UNKNOWN, self.value(held, frame)
            made[name if isinstance(name, (str, int, bool, type(None))) else UNKNOWN] = value
        return made

    def _of_listcomp(self, node: ast.ListComp | ast.GeneratorExp, frame: Frame) -> Any:
        """Of one loop over what is known."""
        loop = node.generators[0]
        every = self.value(loop.iter, frame)
        if len(node.generators) > 1 or not isinstance(every, (list, tuple)) or len(every) > ROUNDS:
            return UNKNOWN
        inner, found = Frame(frame.module, {}, frame, frame.doubtful), []
        for value in every:
            self.bind(loop.target, value, inner)
            kept = [self.decides(self.value(test, inner)) for test in loop.ifs]
            if False not in kept:
                held = self.value(node.elt, inner)
                found.append(UNKNOWN if None in kept else held)
        return found

    _of_generatorexp = _of_listcomp

    def _of_joinedstr(self, node: ast.JoinedStr, frame: Frame) -> Any:
        parts = []
        for part in node.values:
            held = part.value if isinstance(part, ast.FormattedValue) else part
            value = self.value(held, frame)
            if not isinstance(value, (str, int)) or getattr(part, "format_spec", None):
                return UNKNOWN
            parts.append(str(value))
        return bounded("".join(parts))

    def _of_namedexpr(self, node: ast.NamedExpr, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        self.bind(node.target, value, frame)
        return value

    def _of_binop(self, node: ast.BinOp, frame: Frame) -> Any:
        return joined(node.op, self.value(node.left, frame), self.value(node.right, frame))

    def _of_unaryop(self, node: ast.UnaryOp, frame: Frame) -> Any:
        value = self.value(node.operand, frame)
        known = self.decides(value) if isinstance(node.op, ast.Not) else None
        if isinstance(node.op, ast.Not):
            return UNKNOWN if known is None else not known
        return -value if isinstance(node.op, ast.USub) and isinstance(value, int) else UNKNOWN

    def _of_boolop(self, node: ast.BoolOp, frame: Frame) -> Any:
        ends = isinstance(node.op, ast.Or)
        unsure, value = False, UNKNOWN
        for part in node.values:
            value = self.value(part, frame)
            known = self.decides(value) if part is not node.values[-1] else truth(value)
            unsure |= known is None
            if known is ends:
                return UNKNOWN if unsure and not isinstance(value, bool) else value
        return UNKNOWN if unsure else value

    def _of_compare(self, node: ast.Compare, frame: Frame) -> Any:
        values = [self.value(part, frame) for part in (node.left, *node.comparators)]
        if isinstance(values[-1], Outside) and values[-1].name == "os.environ":
            values[-1] = dict(self.world.environ)
        found = [compared(op, *pair) for op, pair in zip(node.ops, pairwise(values), strict=True)]
        if False in [f for f in found if not isinstance(f, Unknown)]:
            return False
        return UNKNOWN if UNKNOWN in found else True

    def _of_ifexp(self, node: ast.IfExp, frame: Frame) -> Any:
        known = self.decides(self.value(node.test, frame))
        return UNKNOWN if known is None else self.value(node.body if known else node.orelse, frame)

    def _of_subscript(self, node: ast.Subscript, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            ends = (self.value(node.slice.lower, frame), self.value(node.slice.upper, frame))
            whole = isinstance(value, (str, list, tuple)) and node.slice.step is None
            numbers = all(n is None or isinstance(n, int) for n in ends)
            return value[ends[0] : ends[1]] if whole and numbers else UNKNOWN
        key = self.value(node.slice, frame)
        if isinstance(value, Outside) and value.name == "os.environ" and isinstance(key, str):
            return self.world.environ.get(key, UNKNOWN)
        if isinstance(value, dict) and isinstance(key, (str, int)):
            return UNKNOWN if UNKNOWN in value else value.get(key, UNKNOWN)
        if not isinstance(value, (str, list, tuple)) or not isinstance(key, int):
            return UNKNOWN
        return value[key] if -len(value) <= key < len(value) else UNKNOWN

    def _of_attribute(self, node: ast.Attribute, frame: Frame) -> Any:
        found = self._asked(self.value(node.value, frame), node.attr)
        return self._told(found) if isinstance(found, Outside) else found

    def _asked(self, owner: Any, name: str) -> Any:
        """A name of a value. Raises Fails where a module is known to have none."""
        if isinstance(owner, Outside) and self.world.lacks_name(owner.name, name):
            raise Fails(NO_NAME, missing=f"{owner.name}.{name}")
        return attribute(owner, name)

    def _told(self, name: Outside) -> Any:
        package, _, last = name.name.rpartition(".")
        if last == "__path__" and (folder := self.world.folder(package)):
            return [folder]
        return self._known.get(name.name, name)

    def _of_call(self, node: ast.Call, frame: Frame) -> Any:
        owner: Any = None
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, frame)
            called = self._asked(owner, node.func.attr)
        else:
            called = self.value(node.func, frame)
        args = list(self._items(node.args, frame))
        named = {k.arg: self.value(k.value, frame) for k in node.keywords}
        if isinstance(called, (Outside, Function, Bound, Class)):
            return self.apply(called, args, named, frame)
        if isinstance(node.func, ast.Attribute):
            return self.of_value(owner, node.func.attr, [*args, *named.values()])
        return UNKNOWN

    def apply(self, called: Any, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of a value, as far as that is known. Raises Fails."""
        if isinstance(called, Outside):
            if called.name == "map" and len(args) == 2 and isinstance(args[1], (list, tuple)):
                return [self.apply(args[0], [each], {}, frame) for each in args[1]]
            return self.outside(called.name, args, named, frame)
        known = isinstance(called, (Function, Bound, Class))
        return self.call(called, args, named) if known else UNKNOWN

    def call(self, called: Function | Bound | Class, args: list[Any], named: dict[Any, Any]) -> Any:
        """Run a function of a followed module. Raises Fails."""
        if isinstance(called, Class):
            made = Instance(called)
            if isinstance(called.find("__new__"), Function):
                return UNKNOWN
            start = attribute(made, "__init__")
            if isinstance(start, Bound):
                self.call(start, args, named)
            return made
        function = called.function if isinstance(called, Bound) else called
        most = _IDLE if function.frame.module.aside else ROUNDS
        if self._idle.get(function.node, 0) >= most:
            return UNKNOWN
        before = self.asked
        try:
            return self._run_body(function, called, args, named)
        finally:
            idle = self._idle.get(function.node, 0) + 1
            self._idle[function.node] = idle if self.asked == before else 0

    def _run_body(
        self,
        function: Function,
        called: Function | Bound,
        args: list[Any],
        named: dict[Any, Any],
    ) -> Any:
        args = [called.owner, *args] if isinstance(called, Bound) else args
        node = self.whole_of(function)
        if node is None or isinstance(node, ast.AsyncFunctionDef):
            return UNKNOWN
        if node not in self._yield:
            self._yield[node] = _yields(node.body)
        if self._yield[node]:
            return UNKNOWN
        given = self._given(node.args, function.frame, args, named)
        frame = Frame(function.frame.module, given, function.frame)
        with self.deeper():
            try:
                self.block(node.body, frame)
            except Return as returned:
                return UNKNOWN if frame.doubtful else returned.value
            except Fails as failure:
                if frame.module.aside and not failure.library:
                    return UNKNOWN
                if not frame.doubtful:
                    raise
                self.doubts.append(failure)
        return UNKNOWN if frame.doubtful else None

    def _given(
        self, given: ast.arguments, around: Frame, args: list[Any], named: dict[Any, Any]
    ) -> dict[str, Any]:
        """Parameters by name; UNKNOWN where only a run could tell."""
        names = [a.arg for a in (*given.posonlyargs, *given.args)]
        local: dict[str, Any] = dict.fromkeys([*names, *(a.arg for a in given.kwonlyargs)], UNKNOWN)
        for default, name in zip(reversed(given.defaults), reversed(names), strict=False):
            local[name] = self.value(default, around)
        for only, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            local[only.arg] = self.value(value, around) if value else UNKNOWN
        local |= dict(zip(names, args, strict=False))
        local |= {k: v for k, v in named.items() if k in local}
        if None in named:  # **more
            local |= {name: UNKNOWN for name in names[len(args) :] if name not in named}
        if given.vararg:
            local[given.vararg.arg] = tuple(args[len(names) :])
        if given.kwarg:
            local[given.kwarg.arg] = UNKNOWN
        return local


@cache
def _method(kind: str) -> str:
    return f"_of_{kind.lower()}"


def _yields(body: Sequence[ast.stmt]) -> bool:
    every = (node for part in body for node in ast.walk(part))
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in every)

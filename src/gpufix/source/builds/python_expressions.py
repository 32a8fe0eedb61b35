"""Expressions and calls of a Python build file."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from gpufix.source.builds import python_formats as formats
from gpufix.source.builds import python_methods as methods
from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.python_modules import WithModules
from gpufix.source.builds.python_names import unbound
from gpufix.source.builds.python_values import (
    Arguments,
    Bag,
    ExtensionClass,
    Lambda,
    OpenFile,
    OutsideMethod,
    Partial,
    Release,
    Rest,
    Super,
    Text,
    hidden,
    path_attribute,
)
from gpufix.source.builds.run import Place
from gpufix.source.python.import_guards import kinds_by_name
from gpufix.source.python.import_values import (
    UNKNOWN,
    AnyFunction,
    Bound,
    Class,
    Frame,
    Function,
    Instance,
    Module,
    Outside,
    PathText,
    Raised,
    Spec,
    Unknown,
    attribute,
)
from gpufix.source.python.import_world import (
    Fails,
    Return,
    TooMuch,
)
from gpufix.source.python.tree import dotted_name

_ROUNDS = 2_000  # of a loop
_PLACED = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call, ast.Subscript)
_SYSTEM = frozenset(
    [
        "HOME",
        "USER",
        "LOGNAME",
        "PATH",
        "PWD",
        "SHELL",
        "TERM",
        "TMPDIR",
        "TEMP",
        "TMP",
        "LANG",
        "HOSTNAME",
        "EDITOR",
        "USERPROFILE",
    ]
)
_BUILTINS = frozenset(dir(builtins))


class WithExpressions(WithModules):
    """Evaluates expressions; python_outside.py what they call outside the project."""

    def value(self, node: ast.expr | None, frame: Frame) -> Any:
        """What an expression yields, its texts with their places. Raises Fails."""
        if node is None:
            return None
        self.at = here = Place(self.relative(frame.module.path), node.lineno)
        found = super().value(node, frame)
        return ops.placed(found, here) if isinstance(node, _PLACED) else found

    def _of_name(self, node: ast.Name, frame: Frame) -> Any:
        found = frame.get(node.id)
        if isinstance(found, Outside):
            return self._told(found)
        if not isinstance(found, Unknown) or frame.has(node.id):
            if isinstance(found, Unknown) and node.id in _BUILTINS and not found.why:
                return Outside(node.id)
            return found
        for module in frame.module.names.get("*", ()):
            return self._told(Outside(f"{module}.{node.id}"))
        failure = unbound(node, self.tree(frame.module.path), self.build.python)
        if failure is not None:
            raise failure
        if self.catches_now(Fails(kinds_by_name("NameError"))):
            raise ops.raises("NameError", f"name '{node.id}' is not defined")
        return Unknown(node.id)

    def _told(self, name: Outside) -> Any:
        if name.name in self._known:
            return self._known[name.name]
        return self.constant(name)

    def constant(self, name: Outside) -> Any:
        """What a name outside stands for."""
        return name

    def _items(self, nodes: Sequence[ast.expr], frame: Frame) -> Iterator[Any]:
        for part in nodes:
            if isinstance(part, ast.Starred):
                yield from ops.elements(self.value(part.value, frame))
            else:
                yield self.value(part, frame)

    def _of_set(self, node: Any, frame: Frame) -> Any:
        return Bag.of(self._items(node.elts, frame))

    def _of_dict(self, node: ast.Dict, frame: Frame) -> Any:
        made: dict[Any, Any] = {}
        for key, held in zip(node.keys, node.values, strict=True):
            value = self.value(held, frame)
            if key is None:
                made |= value if isinstance(value, dict) else {Rest(ops.shown(value)): UNKNOWN}
                continue
            name = self.value(key, frame)
            made[name if ops.hashable(name) else Unknown("a key")] = value
        return made

    def _each(
        self, loops: Sequence[ast.comprehension], frame: Frame, rounds: int = _ROUNDS
    ) -> Iterator[None]:
        """Bind the names of a comprehension, one way after the other."""
        if not loops:
            yield
            return
        loop = loops[0]
        for value in self.rounds(ops.elements(self.value(loop.iter, frame)))[:rounds]:
            self.step()
            self.bind(loop.target, value, frame)
            if all(self.decides(self.value(test, frame)) for test in loop.ifs):
                yield from self._each(loops[1:], frame)

    def _of_listcomp(self, node: Any, frame: Frame) -> Any:
        inner = Frame(frame.module, {}, frame)
        found = []
        for _ in self._each(node.generators, inner):
            found.append(self.value(node.elt, inner))
            if len(found) > ops.MOST:
                raise TooMuch
        return found

    _of_generatorexp = _of_listcomp

    def _of_setcomp(self, node: ast.SetComp, frame: Frame) -> Any:
        return Bag.of(self._of_listcomp(node, frame))

    def _of_dictcomp(self, node: ast.DictComp, frame: Frame) -> Any:
        inner = Frame(frame.module, {}, frame)
        made: dict[Any, Any] = {}
        for _ in self._each(node.generators, inner):
            key = self.value(node.key, inner)
            made[key if ops.hashable(key) else Unknown("a key")] = self.value(node.value, inner)
        return made

    def _of_joinedstr(self, node: ast.JoinedStr, frame: Frame) -> Any:
        parts = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                spec = self.value(part.format_spec, frame) if part.format_spec else ""
                parts.append(formats.of_spec(self.value(part.value, frame), spec, part.conversion))
            else:
                parts.append(str(self.value(part, frame)))
        return ops.bounded("".join(parts))

    def _of_lambda(self, node: ast.Lambda, frame: Frame) -> Any:
        return Lambda(node, frame)

    def _of_starred(self, node: ast.Starred, frame: Frame) -> Any:
        return self.value(node.value, frame)

    def _of_yield(self, node: ast.Yield, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if self._generators:
            self._generators[-1].append(value)
        return None

    def _of_yieldfrom(self, node: ast.YieldFrom, frame: Frame) -> Any:
        if self._generators:
            self._generators[-1].extend(ops.elements(self.value(node.value, frame)))
        return None

    def _of_await(self, node: ast.Await, frame: Frame) -> Any:
        return self.value(node.value, frame)

    def _of_binop(self, node: ast.BinOp, frame: Frame) -> Any:
        left, right = self.value(node.left, frame), self.value(node.right, frame)
        return self.operated(node.op, left, right)

    def operated(self, op: ast.operator, left: Any, right: Any) -> Any:
        """`left op right`, which costs as much as it is long."""
        if isinstance(left, (str, list)):
            self.steps += len(left) >> 6
        return ops.joined(op, left, right)

    def _of_unaryop(self, node: ast.UnaryOp, frame: Frame) -> Any:
        value = self.value(node.operand, frame)
        if isinstance(node.op, ast.Not):
            if isinstance(value, Unknown) and value.why:
                why = value.why
                return Unknown(why.removeprefix("not ") if why.startswith("not ") else f"not {why}")
            return not self.decides(value)
        number = isinstance(value, (int, float))
        return -value if number and isinstance(node.op, ast.USub) else Unknown(ops.shown(value))

    def _of_boolop(self, node: ast.BoolOp, frame: Frame) -> Any:
        ends, value = isinstance(node.op, ast.Or), UNKNOWN
        for part in node.values:
            value = self.value(part, frame)
            if part is not node.values[-1] and self.decides(value) is ends:
                # What was chosen to be true or false stands for that where it is asked again.
                return value
        return value

    def _of_compare(self, node: ast.Compare, frame: Frame) -> Any:
        values = [self.value(part, frame) for part in (node.left, *node.comparators)]
        found: Any = True
        for op, (left, right) in zip(node.ops, pairwise(values), strict=True):
            found = self._one_comparison(op, left, right)
            if found is False:
                return False
        return found

    def _one_comparison(self, op: ast.cmpop, left: Any, right: Any) -> Any:
        if isinstance(right, (list, str)):
            self.steps += len(right) >> 5
        if isinstance(op, (ast.In, ast.NotIn)):
            if isinstance(right, Outside) and right.name == "os.environ":
                if not isinstance(left, str) or hidden(left):
                    return Unknown(f"{ops.shown(left)} in os.environ")
                known = self.variable(left) is not None
                return known is isinstance(op, ast.In)
            if right is self.argv and isinstance(left, str):
                self.ask("argument", str(left))
            if isinstance(right, Raised):
                right = Text.at(right.failure.said, self.at)
        return ops.compared(op, left, right)

    def variable(self, name: str, default: Any = None) -> Any:
        """A variable of the environment, None where it is not set."""
        told = default if isinstance(default, str) and not hidden(default) else None
        self.ask("variable", str(name), str(told) if told is not None else None)
        if name in self.environ:
            return self.environ[name]
        return Unknown(f"${name}") if name in _SYSTEM else None

    def _of_ifexp(self, node: ast.IfExp, frame: Frame) -> Any:
        known = self.decides(self.value(node.test, frame))
        return self.value(node.body if known else node.orelse, frame)

    def _of_subscript(self, node: ast.Subscript, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            return self._sliced(value, node.slice, frame)
        key = self.value(node.slice, frame)
        return self.item(value, key)

    def _sliced(self, value: Any, node: ast.Slice, frame: Frame) -> Any:
        ends = [self.value(part, frame) for part in (node.lower, node.upper, node.step)]
        if isinstance(value, PathText) or not isinstance(value, (str, list, tuple)):
            return Unknown(f"{ops.shown(value)}[:]")
        if not all(n is None or isinstance(n, int) for n in ends) or ends[2] == 0:
            return Unknown(f"{ops.shown(value)}[:]")
        if hidden(value) or any(isinstance(each, Rest) for each in value):
            return Rest(f"{ops.shown(value)}[:]") if not isinstance(value, str) else "\0"
        return (str(value) if isinstance(value, str) else value)[slice(*ends)]

    def item(self, value: Any, key: Any) -> Any:
        """`value[key]`. Raises Fails."""
        unknown = Unknown(f"{ops.shown(value)}[{ops.shown(key)}]")
        if isinstance(value, Outside) and value.name == "os.environ":
            return self._of_environ(key)
        if isinstance(value, dict):
            if not ops.hashable(key) or hidden(key):
                return unknown
            if key in value:
                return value[key]
            if any(isinstance(each, Unknown) for each in value):
                return unknown
            raise ops.raises("KeyError", ops.shown(key))
        if isinstance(value, methods.Match):
            return value.method("__getitem__", [key])
        whole = isinstance(value, (list, tuple)) and not any(isinstance(v, Rest) for v in value)
        if not (whole or (isinstance(value, str) and not hidden(value))):
            return unknown
        if not isinstance(key, int):
            return unknown
        if not -len(value) <= key < len(value):
            raise ops.raises("IndexError", "list index out of range")
        return value[key]

    def _of_environ(self, key: Any) -> Any:
        if not isinstance(key, str) or hidden(key):
            return Unknown("a variable")
        found = self.variable(key)
        if found is None:
            raise ops.raises("KeyError", repr(str(key)))
        return found

    def _of_attribute(self, node: ast.Attribute, frame: Frame) -> Any:
        return self.attribute_of(self.value(node.value, frame), node.attr)

    def attribute_of(self, owner: Any, name: str) -> Any:
        """`owner.name`. Raises Fails."""
        if isinstance(owner, Outside):
            return self._told(Outside(f"{owner.name}.{name}"))
        if isinstance(owner, Unknown):
            return Unknown(f"{owner.why or '?'}.{name}")
        if owner is None and not hasattr(None, name):
            raise ops.raises("AttributeError", f"'NoneType' object has no attribute '{name}'")
        if isinstance(owner, Super):
            return self._above(owner, name)
        if isinstance(owner, Release):
            return owner.attribute(name)
        if isinstance(owner, Arguments):
            return owner.values.get(name, Unknown(f"the option {name}"))
        if isinstance(owner, (Instance, Class)):
            return self._of_object(owner, name)
        if isinstance(owner, Raised):
            return Unknown(f"an exception's {name}")
        found = attribute(owner, name)
        if isinstance(owner, PathText) and isinstance(found, Unknown):
            return path_attribute(owner, name)
        if isinstance(owner, Module) and isinstance(found, Unknown):
            return Unknown(f"{owner.name}.{name}")
        return found

    def _of_object(self, owner: Any, name: str) -> Any:
        if name == "__class__" and isinstance(owner, Instance):
            return owner.of
        found = attribute(owner, name)
        if isinstance(found, Bound) and _decorated(found.function.node, "property"):
            return self.call(found, [], {})
        if not isinstance(found, Unknown) or found.why:
            return found
        kind = owner.of if isinstance(owner, Instance) else owner
        if base := self.outside_base(kind):
            return OutsideMethod(base, name, owner)
        return Unknown(f"{kind.name}.{name}")

    def outside_base(self, kind: Class) -> str:
        """The class outside that a class of the project is derived from; "" for none."""
        for each in kind.every():
            for base in each.bases:
                if isinstance(base, Partial):
                    base = base.called
                if isinstance(base, Outside) and base.name != "object":
                    return base.name
        return ""

    def _above(self, owner: Super, name: str) -> Any:
        order = owner.owner.of.every() if isinstance(owner.owner, Instance) else owner.above.every()
        after = order[order.index(owner.above) + 1 :] if owner.above in order else order[1:]
        for kind in after:
            if name in kind.names:
                found = kind.names[name]
                return Bound(found, owner.owner) if isinstance(found, Function) else found
        return OutsideMethod(self.outside_base(owner.above), name, owner.owner)

    # Calls

    def _of_call(self, node: ast.Call, frame: Frame) -> Any:
        owner: Any = None
        called: Any
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, frame)
            if _has_methods(owner):
                args, named = self._arguments(node, frame)
                return self.method(owner, node.func.attr, args, named)
            called = self.attribute_of(owner, node.func.attr)
        else:
            called = self.value(node.func, frame)
        args, named = self._arguments(node, frame)
        self.at = Place(self.relative(frame.module.path), node.lineno)
        return self.apply(called, args, named, frame)

    def _arguments(self, node: ast.Call, frame: Frame) -> tuple[list[Any], dict[Any, Any]]:
        args = list(self._items(node.args, frame))
        named: dict[Any, Any] = {}
        for given in node.keywords:
            value = self.value(given.value, frame)
            if given.arg is not None:
                named[given.arg] = value
            elif isinstance(value, dict):
                named |= {k: v for k, v in value.items() if isinstance(k, str)}
        return args, named

    def apply(self, called: Any, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of a value. Raises Fails."""
        if isinstance(called, Outside):
            return self.outside(called.name, args, named, frame)
        if isinstance(called, Partial):
            return self.apply(
                called.called, [*called.args, *args], {**called.named, **named}, frame
            )
        if isinstance(called, Lambda):
            given = self._given(called.node.args, called.frame, args, named)
            inner = Frame(called.frame.module, given, called.frame)
            with self.deeper():
                return self.value(called.node.body, inner)
        if isinstance(called, OutsideMethod):
            return self.base_method(called, args, named)
        if isinstance(called, Instance) and isinstance(attribute(called, "__call__"), Bound):
            return self.call(attribute(called, "__call__"), args, named)
        if isinstance(called, (Function, Bound, Class)):
            return self.call(called, args, named)
        shown = ", ".join(map(ops.shown, args))
        return Unknown(f"{ops.shown(called)}({shown})")

    def call(self, called: Function | Bound | Class, args: list[Any], named: dict[Any, Any]) -> Any:
        """Run a function or make an object of the project's. Raises Fails."""
        if isinstance(called, Class):
            if isinstance(called, ExtensionClass):
                return Unknown("an extension")
            made = Instance(called)
            fields = called.find("__fields__")
            if isinstance(fields, list):
                for name in fields:
                    held = called.find(name)
                    made.names[name] = Unknown(name) if isinstance(held, Unknown) else held
                made.names |= {**dict(zip(fields, args, strict=False)), **named}
                return made
            start = self._of_object(made, "__init__")
            if isinstance(start, (Bound, OutsideMethod)):
                self.apply(start, args, named, Frame(Module("", "", ""), {}))
            return made
        function = called.function if isinstance(called, Bound) else called
        return self._run_body(function, called, args, named)

    def _run_body(
        self,
        function: Function,
        called: Function | Bound,
        args: list[Any],
        named: dict[Any, Any],
    ) -> Any:
        args = [called.owner, *args] if isinstance(called, Bound) else args
        node = function.node
        frame = Frame(
            function.frame.module,
            self._given(node.args, function.frame, args, named),
            function.frame,
        )
        frame.names |= {"__function__": function}
        makes = _makes(node)
        if makes:
            self._generators.append([])
        back, result = self.at, None
        with self.deeper():
            try:
                self.block(node.body, frame)
            except Return as returned:
                result = returned.value
            finally:
                self.at = back
                made = self._generators.pop() if makes else None
        return made if makes else result

    def _given(
        self, given: ast.arguments, around: Frame, args: list[Any], named: dict[Any, Any]
    ) -> dict[str, Any]:
        local = super()._given(given, around, args, named)
        names = [a.arg for a in (*given.posonlyargs, *given.args)]
        for at, name in enumerate(names):
            if at >= len(args) and name not in named and isinstance(local[name], Unknown):
                local[name] = local[name] if local[name].why else Unknown(name)
        if given.vararg is None and any(isinstance(a, Rest) for a in args):
            local |= {name: Unknown(name) for name in names}
        if given.kwarg:
            local[given.kwarg.arg] = {k: v for k, v in named.items() if k not in local}
        return local

    def base_method(self, called: OutsideMethod, args: list[Any], named: dict[Any, Any]) -> Any:
        """A method that a class outside the project has. Raises Fails."""
        return Unknown(f"{called.name}.{called.method}()")

    def method(self, owner: Any, name: str, args: list[Any], named: dict[Any, Any]) -> Any:
        """A call of a method of a plain value. Raises Fails."""
        if isinstance(owner, dict):
            return methods.dict_method(owner, name, args, named)
        if isinstance(owner, list):
            if owner is self.argv and name == "remove" and args and isinstance(args[0], str):
                self.ask("argument", str(args[0]))
            self.steps += len(owner) >> 5
            return methods.list_method(owner, name, args, named)
        if isinstance(owner, tuple):
            return methods.list_method(list(owner), name, args, named)
        if isinstance(owner, methods.Match):
            return owner.method(name, args)
        if isinstance(owner, str) and not isinstance(owner, PathText):
            self.steps += len(owner) >> 6
            return methods.text_method(owner, name, args, named)
        return self.of_value(owner, name, args)

    def rounds(self, values: list[Any]) -> list[Any]:
        """What a loop goes through; where only that is unknown, once or never."""
        if len(values) == 1 and isinstance(values[0], Rest):
            return values if self.choices.choose(f"{values[0].why} are there", self.at) else []
        return values

    def read_lines(self, file: OpenFile) -> list[Any]:
        """The lines of a file."""
        if file.text is None:
            return [Rest(f"{self.relative(file.path)}")]
        return [Text.at(line, self.at) for line in file.text.splitlines(keepends=True)]


@lru_cache(maxsize=1024)  # every way through a file asks again
def _makes(node: AnyFunction) -> bool:
    """Whether a function is a generator."""
    every = (n for part in node.body for n in ast.walk(part))
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in every)


def _decorated(node: AnyFunction, name: str) -> bool:
    return any((dotted_name(d) or "").rpartition(".")[2] == name for d in node.decorator_list)


def _has_methods(owner: Any) -> bool:
    return isinstance(owner, (str, list, tuple, dict, OpenFile, methods.Match, Arguments, Spec))

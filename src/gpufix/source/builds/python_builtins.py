"""Python's builtins in a build file: what they give for what is known."""

from __future__ import annotations

import ast
from collections import abc
from collections.abc import Callable
from typing import Any

from gpufix.source.builds import python_formats as formats
from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.python_run import BuildPython
from gpufix.source.builds.python_values import (
    Arguments,
    Bag,
    Lambda,
    OutsideMethod,
    Partial,
    Rest,
    Super,
    hidden,
    plain,
    same,
)
from gpufix.source.python.import_guards import classes_of, kinds_by_name, kinds_of
from gpufix.source.python.import_values import (
    UNKNOWN,
    Bound,
    Class,
    Frame,
    Function,
    Instance,
    Module,
    Outside,
    PathText,
    Raised,
    Unknown,
)
from gpufix.source.python.import_world import Fails
from gpufix.source.python.tree import NotPython, parsed


class WithBuiltins(BuildPython):
    """Knows the builtins."""

    def _builtin(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        if name in ("exec", "eval"):
            return self._executed(name, args, frame)
        if name == "compile":
            return args[0] if args else UNKNOWN
        if name == "super":
            return self._super(args, frame)
        if name in ("getattr", "hasattr", "setattr"):
            return self._member(name, args)
        if name in ("isinstance", "issubclass", "callable", "type"):
            return self._kind(name, args)
        if name in ("globals", "locals", "vars"):
            return frame.module.names if name == "globals" else frame.names
        if name in ("map", "filter") and len(args) > 1:
            made = [
                self.apply(args[0], [e], {}, frame) if args[0] else e for e in ops.elements(args[1])
            ]
            if name == "map":
                return made
            pairs = zip(ops.elements(args[1]), made, strict=False)
            return [each for each, kept in pairs if self.decides(kept)]
        if name in ("sorted", "min", "max"):
            values = ops.elements(args[0]) if len(args) == 1 else list(args)
            return self._best(name, self._sorted(values, named), named)
        if name == "next" and len(args) == 1 and not self.rounds(ops.elements(args[0])):
            raise ops.raises("StopIteration", "")
        function = _SIMPLE.get(name)
        if function is not None:
            try:
                return function(args, named)
            except (TypeError, ValueError, IndexError, OverflowError):
                return Unknown(f"{name}({', '.join(map(ops.shown, args))})")
        if name in ("any", "all"):
            ends = name == "any"
            for each in ops.elements(args[0]) if args else ():
                if self.decides(each) is ends:
                    return ends
            return not ends
        if name == "bool":
            return self.decides(args[0]) if args else False
        if name in ("int", "float"):
            return self._number(name, args)
        if name in _EXCEPTIONS_MADE:
            return Raised(Fails(kinds_by_name(name), said=formats.text_of(args[0]) if args else ""))
        return NotImplemented

    def _number(self, name: str, args: list[Any]) -> Any:
        value = args[0] if args else 0
        if isinstance(value, str) and not hidden(value) and len(value) < 400:
            base = args[1] if len(args) > 1 and isinstance(args[1], int) else 10
            try:
                return int(value, base) if name == "int" else float(value)
            except ValueError as error:
                raise ops.raises("ValueError", str(error)) from None
        if isinstance(value, (int, float)) and value == value and abs(value) < 1e30:
            return int(value) if name == "int" else float(value)
        if value is None:
            raise ops.raises("TypeError", f"{name}() argument must be a string or a number")
        return Unknown(f"{name}({ops.shown(value)})")

    def _sorted(self, values: list[Any], named: dict[Any, Any]) -> list[Any]:
        key, backwards = named.get("key"), bool(named.get("reverse"))
        if key is None:
            return ops.ordered(values, backwards)
        frame = Frame(Module("", self.path, ""), {})
        keys = [self.apply(key, [each], {}, frame) for each in values]
        wanted = ops.ordered(keys, backwards)
        if not plain(keys):
            return list(values)
        left, found = list(range(len(values))), []
        for each in wanted:
            at = next((i for i in left if same(keys[i], each)), None)
            if at is not None:
                left.remove(at)
                found.append(values[at])
        return found if len(found) == len(values) else list(values)

    def _best(self, name: str, values: list[Any], named: dict[Any, Any]) -> Any:
        if name == "sorted":
            return values
        if not values:
            if "default" in named:
                return named["default"]
            raise ops.raises("ValueError", f"{name}() arg is an empty sequence")
        if not all(plain(each) for each in values):
            return Unknown(f"{name}({ops.shown(values[0])}, …)")
        return values[0] if name == "min" else values[-1]

    def _super(self, args: list[Any], frame: Frame) -> Any:
        if len(args) == 2 and isinstance(args[0], Class):
            return Super(args[0], args[1])
        at: Frame | None = frame
        while at is not None and "__function__" not in at.names:
            at = at.above
        function = at.names["__function__"] if at else None
        if not isinstance(function, Function) or function.of is None or at is None:
            return Unknown("super()")
        first = function.node.args.args[0].arg if function.node.args.args else ""
        return Super(function.of, at.names.get(first, UNKNOWN))

    def _member(self, name: str, args: list[Any]) -> Any:
        if len(args) < 2 or not isinstance(args[1], str):
            return Unknown(f"{name}()")
        owner, key = args[0], str(args[1])
        if name == "setattr":
            if isinstance(owner, (Instance, Module, Class)) and len(args) > 2:
                owner.names[key] = args[2]
            return None
        there = self.has_member(owner, key)
        if name == "hasattr":
            if there is None:
                return Unknown(f"{ops.shown(owner)} has {key}")
            return there
        if there is False or (there is None and len(args) > 2):
            if there is None and self.choices.choose(f"{ops.shown(owner)} has {key}", self.at):
                return self.attribute_of(owner, key)
            if len(args) > 2:
                return args[2]
            raise ops.raises("AttributeError", f"no attribute '{key}'")
        return self.attribute_of(owner, key)

    def has_member(self, owner: Any, name: str) -> bool | None:
        """Whether a value has an attribute; None: only a run would tell."""
        if isinstance(owner, Instance) and name in owner.names:
            return True
        if isinstance(owner, (Instance, Class)):
            kind = owner.of if isinstance(owner, Instance) else owner
            if any(name in each.names for each in kind.every()):
                return True
            return None if self.outside_base(kind) else False
        if isinstance(owner, Module):
            return name in owner.names
        if isinstance(owner, Arguments):
            return name in owner.values
        if isinstance(owner, Outside):
            told = self._told(Outside(f"{owner.name}.{name}"))
            return None if isinstance(told, (Outside, Unknown)) else True
        return None

    def _kind(self, name: str, args: list[Any]) -> Any:
        value = args[0] if args else None
        if name == "callable":
            return isinstance(value, (Function, Bound, Class, Lambda, Partial, OutsideMethod))
        if name == "type":
            if isinstance(value, Instance):
                return value.of
            for kind, label in _TYPES:
                if isinstance(value, kind):
                    return Outside(label)
            return Unknown(f"type({ops.shown(value)})")
        if len(args) < 2:
            return UNKNOWN
        if isinstance(value, Raised):
            taken = classes_of(args[1])
            return UNKNOWN if taken is None else bool(taken & value.failure.kinds)
        wanted = args[1] if isinstance(args[1], (tuple, list)) else (args[1],)
        verdicts = [self._is_a(value, each, name) for each in wanted]
        if True in verdicts:
            return True
        return Unknown(f"{name}({ops.shown(value)})") if None in verdicts else False

    def _is_a(self, value: Any, kind: Any, how: str) -> bool | None:
        if isinstance(kind, Class):
            of = value.of if isinstance(value, Instance) else value
            return (
                kind in of.every() if isinstance(of, Class) else isinstance(value, Unknown) and None
            )
        if not isinstance(kind, Outside) or isinstance(value, (Unknown, Outside)):
            return None
        if how == "isinstance" and isinstance(value, Instance):
            names = kinds_of(value) or frozenset()
            last = kind.name.rpartition(".")[2]
            return last in names or last == value.of.name or self._derives(value.of, last)
        label = next((label for each, label in _TYPES if isinstance(value, each)), "")
        module, _, last = kind.name.rpartition(".")
        if not label or module in _PROTOCOLS:
            told = getattr(abc, last, None) if module in ("collections.abc", "typing") else None
            return isinstance(value, told) if told and label != "Path" and label else None
        if kind.name in ("int", "float") and label == "bool":
            return kind.name == "int"
        return last in (label, "object") or (label == "Path" and last in _PATHS)

    def _derives(self, kind: Class, name: str) -> bool:
        return self.outside_base(kind).rpartition(".")[2] == name

    def _executed(self, name: str, args: list[Any], frame: Frame) -> Any:
        code = args[0] if args else None
        if not isinstance(code, str) or hidden(code) or len(code) > 200_000:
            self.doubt(f"what {name}() runs")
            return Unknown(f"{name}()")
        if name == "eval":
            return self._evaluated(str(code), frame)
        try:
            tree = parsed(str(code))
        except NotPython:
            raise ops.raises("SyntaxError", "invalid syntax") from None
        names = args[1] if len(args) > 1 and isinstance(args[1], dict) else frame.names
        if len(args) > 2 and isinstance(args[2], dict):
            names = args[2]
        with self.deeper():
            self.block(
                tree.body, Frame(frame.module, names, frame if names is frame.names else None)
            )
        return None

    def _evaluated(self, code: str, frame: Frame) -> Any:
        try:
            tree = ast.parse(code.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ops.raises("SyntaxError", "invalid syntax") from None
        with self.deeper():
            return self.value(tree.body, frame)


# Modules whose classes a value may belong to without deriving from them.
_PROTOCOLS = frozenset({"collections", "collections.abc", "numbers", "os", "types", "typing"})
_PATHS = ("PurePath", "PurePosixPath", "PosixPath")
_EXCEPTIONS_MADE = frozenset({"Exception", "RuntimeError", "ValueError", "ImportError", "OSError"})
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (PathText, "Path"),
    (str, "str"),
    (Bag, "set"),
    (list, "list"),
    (tuple, "tuple"),
    (dict, "dict"),
    (type(None), "NoneType"),
)


def _length(args: list[Any], _: dict[Any, Any]) -> Any:
    value = args[0]
    if isinstance(value, (list, tuple)) and any(isinstance(each, Rest) for each in value):
        return Unknown(f"len({ops.shown(value)})")
    if isinstance(value, (str, list, tuple, dict)) and not hidden(value):
        return len(value)
    return Unknown(f"len({ops.shown(value)})")


def _range(args: list[Any], _: dict[Any, Any]) -> Any:
    if not all(isinstance(a, int) for a in args):
        return [Rest("a range")]
    return list(range(*args)[: ops.MOST])


def _dict(args: list[Any], named: dict[Any, Any]) -> Any:
    made: dict[Any, Any] = {}
    if args:
        if isinstance(args[0], dict):
            made |= args[0]
        elif isinstance(args[0], Outside) and args[0].name == "os.environ":
            made[Rest("variables")] = UNKNOWN
        else:
            for pair in ops.elements(args[0]):
                if isinstance(pair, (list, tuple)) and len(pair) == 2 and ops.hashable(pair[0]):
                    made[pair[0]] = pair[1]
    return {**made, **named}


def _sum(args: list[Any], _: dict[Any, Any]) -> Any:
    total: Any = args[1] if len(args) > 1 else 0
    for each in ops.elements(args[0]):
        total = ops.joined(ast.Add(), total, each)
    return total


def _next(args: list[Any], _: dict[Any, Any]) -> Any:
    values = ops.elements(args[0])
    if values:
        return values.pop(0) if not isinstance(args[0], list) else args[0].pop(0)
    return args[1]


def _text(args: list[Any], _: dict[Any, Any]) -> Any:
    value = args[0] if args else ""
    if isinstance(value, Raised):
        return value.failure.said or "\0"
    return formats.text_of(value)


_SIMPLE: dict[str, Callable[[list[Any], dict[Any, Any]], Any]] = {
    "len": _length,
    "range": _range,
    "str": _text,
    "repr": lambda args, _: repr(str(args[0]))
    if isinstance(args[0], str)
    else formats.text_of(args[0]),
    "list": lambda args, _: ops.elements(args[0]) if args else [],
    "tuple": lambda args, _: tuple(ops.elements(args[0])) if args else (),
    "set": lambda args, _: Bag.of(ops.elements(args[0])) if args else Bag(),
    "frozenset": lambda args, _: Bag.of(ops.elements(args[0])) if args else Bag(),
    "collections.OrderedDict": _dict,
    "collections.defaultdict": lambda args, named: _dict(args[1:], named),
    "dict": _dict,
    "enumerate": lambda args, named: list(
        enumerate(ops.elements(args[0]), args[1] if len(args) > 1 else named.get("start", 0))
    ),
    "zip": lambda args, _: list(zip(*map(ops.elements, args), strict=False)),
    "reversed": lambda args, _: ops.elements(args[0])[::-1],
    "iter": lambda args, _: ops.elements(args[0]),
    "next": _next,
    "sum": _sum,
    "abs": lambda args, _: abs(args[0]),
    "round": lambda args, _: round(args[0], *args[1:2]),
    "divmod": lambda args, _: divmod(args[0], args[1]),
    "hex": lambda args, _: hex(args[0]),
    "chr": lambda args, _: chr(args[0]),
    "ord": lambda args, _: ord(args[0]),
    "id": lambda _args, _: 1,
    "object": lambda _args, _: UNKNOWN,
}

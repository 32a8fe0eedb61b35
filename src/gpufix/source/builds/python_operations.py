"""What operators and methods yield of the values of a build file, exactly or as unknown."""

from __future__ import annotations

import ast
import operator
import posixpath
import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gpufix.source.builds.python_values import (
    Bag,
    OpenFile,
    Release,
    Rest,
    Text,
    TorchVersion,
    hidden,
    same,
)
from gpufix.source.builds.run import UNKNOWN_PART, Place
from gpufix.source.python.import_guards import kinds_by_name
from gpufix.source.python.import_values import Module, Outside, PathText, Unknown
from gpufix.source.python.import_world import Fails

MOST = 20_000  # characters of a text, elements of a list
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SIGNS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
_WIDE = re.compile(r"\d{4}")  # a width that makes a text long
_WIDE_FIELD = re.compile(r"\{[^{}]*\d{4}|\{[^{}]*\{")
_WIDE_PERCENT = re.compile(r"%(?:\(\w+\))?[-#0 +]*\d*(?:\d{4}|\.\d{4}|\.?\*)")
_PERCENT = re.compile(r"%(?:\((\w+)\))?([-#0 +]*\d*(?:\.\d+)?)([%sdrfxigeGEcX])")


def shown(value: Any) -> str:
    """A value as the name of an unknown has it."""
    if isinstance(value, Unknown):
        return value.why or "?"
    if isinstance(value, Outside):
        return value.name
    if isinstance(value, (str, int, float, type(None))):
        return repr(str(value) if isinstance(value, str) else value)[:80].replace("\\x00", "…")
    return type(value).__name__.lower()


def raises(name: str, said: str) -> Fails:
    """An exception of Python's own."""
    return Fails(kinds_by_name(name), said=said)


def scalar(value: Any) -> bool:
    """Whether a value is a plain one."""
    return value is None or isinstance(value, (str, int, float, bytes, Release))


def plain(value: Any) -> bool:
    """Whether a value is known whole: plain, or a list of plain values."""
    if isinstance(value, (list, tuple)):
        return all(
            (scalar(each) and not hidden(each))
            or (isinstance(each, tuple) and all(scalar(e) and not hidden(e) for e in each))
            for each in value
        )
    return scalar(value) and not hidden(value)


def compared(op: ast.cmpop, left: Any, right: Any) -> Any:
    """The outcome of one comparison; an unknown one is named by what it compares."""
    found: Any
    if isinstance(op, (ast.Is, ast.IsNot)):
        found = _identical(left, right)
        positive = isinstance(op, ast.Is)
    elif isinstance(op, (ast.In, ast.NotIn)):
        found = _within(left, right)
        positive = isinstance(op, ast.In)
    else:
        return _ordered(op, left, right)
    if found is None:
        unknown = Unknown(
            f"{shown(left)} {_SIGNS[ast.Is if isinstance(op, (ast.Is, ast.IsNot)) else ast.In]} {shown(right)}"
        )
        return unknown if positive else Unknown(f"not {unknown.why}")
    return found is positive


def _identical(left: Any, right: Any) -> bool | None:
    """None: not known."""
    known = (None, True, False)
    if any(right is k for k in known) or any(left is k for k in known):
        other = left if any(right is k for k in known) else right
        one = right if other is left else left
        if isinstance(other, Unknown) or (isinstance(other, Outside) and not other.is_module):
            return None
        return other is one
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return None
    if isinstance(left, Outside) and isinstance(right, Outside):
        return left.name == right.name
    return left is right or (scalar(left) and same(left, right))


def _within(left: Any, right: Any) -> bool | None:
    if isinstance(right, str):
        if isinstance(left, str) and not hidden(left):
            if left in right:
                return True
            return None if hidden(right) else False
        return None
    if isinstance(right, dict):
        if isinstance(left, Unknown) or hidden(left):
            return None
        if any(isinstance(key, Unknown) for key in right) and left not in right:
            return None
        try:
            return left in right
        except TypeError:
            return None
    if isinstance(right, (list, tuple)):
        if isinstance(left, Unknown) or hidden(left):
            return None if right else False
        if any(same(left, each) for each in right):
            return True
        return None if any(isinstance(e, Unknown) or hidden(e) for e in right) else False
    return None


def _ordered(op: ast.cmpop, left: Any, right: Any) -> Any:
    unknown = Unknown(f"{shown(left)} {_SIGNS[type(op)]} {shown(right)}")
    if isinstance(left, Bag) and isinstance(right, Bag) and plain(left) and plain(right):
        left, right = frozenset(left), frozenset(right)
    elif isinstance(left, (TorchVersion, Release)) or isinstance(right, (TorchVersion, Release)):
        a, b = release(left), release(right)
        if a is None or b is None:
            texts = isinstance(left, str) and isinstance(right, str) and plain((left, right))
            return bool(_ORDER[type(op)](str(left), str(right))) if texts else unknown
        return bool(_ORDER[type(op)](a.version, b.version))
    elif isinstance(op, (ast.Eq, ast.NotEq)) and isinstance(left, Outside | Module):
        if isinstance(right, Outside) and isinstance(left, Outside) and left.name == right.name:
            return isinstance(op, ast.Eq)
        return unknown
    elif not (plain(left) and plain(right)):
        return _apart(op, left, right, unknown)
    try:
        return bool(_ORDER[type(op)](left, right))
    except TypeError:
        raise raises("TypeError", f"{_SIGNS[type(op)]} not supported") from None


def _apart(op: ast.cmpop, left: Any, right: Any, unknown: Unknown) -> Any:
    """Texts that are known in part may be known to differ."""
    if isinstance(op, (ast.Eq, ast.NotEq)) and isinstance(left, str) and isinstance(right, str):
        one, other = (left, right) if hidden(left) else (right, left)
        head, tail = one.partition(UNKNOWN_PART)[0], one.rpartition(UNKNOWN_PART)[2]
        if not hidden(other) and not (other.startswith(head) and other.endswith(tail)):
            return isinstance(op, ast.NotEq)
    if isinstance(op, (ast.Eq, ast.NotEq)) and not isinstance(left, Unknown | Outside):
        lists = (list, tuple, dict)
        if isinstance(left, lists) and isinstance(right, lists) and not right and not left:
            return isinstance(op, ast.Eq)
    return unknown


def release(value: Any) -> Release | None:
    """A value as a version; tuples of numbers too, which torch compares its version with."""
    if isinstance(value, Release):
        return value
    if isinstance(value, tuple) and value and all(isinstance(v, int) for v in value):
        value = ".".join(map(str, value))
    return Release.read(value) if isinstance(value, str) and not hidden(value) else None


def joined(op: ast.operator, left: Any, right: Any) -> Any:
    """The outcome of `left op right`. Raises Fails for what Python refuses."""
    if isinstance(op, ast.Div) and isinstance(left, PathText) and isinstance(right, str):
        return PathText(posixpath.join(left, right))
    if isinstance(op, ast.Mod) and isinstance(left, str):
        return bounded(percent(left, right))
    if isinstance(op, ast.Add):
        return _added(left, right)
    if isinstance(op, ast.Mult):
        return _repeated(left, right)
    if isinstance(left, Bag) and isinstance(right, Bag):
        return _of_sets(op, left, right)
    if isinstance(op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return {**left, **right}
    made = Unknown(f"{shown(left)} {type(op).__name__} {shown(right)}")
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return made
    return _computed(op, left, right, made)


def _computed(op: ast.operator, left: Any, right: Any, made: Unknown) -> Any:
    arithmetic: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
        ast.Sub: operator.sub,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
        ast.BitOr: operator.or_,
        ast.BitAnd: operator.and_,
        ast.BitXor: operator.xor,
    }
    if isinstance(op, (ast.LShift, ast.Pow)) and abs(left) < 1 << 16 and 0 <= right < 64:
        return bounded(left**right if isinstance(op, ast.Pow) else int(left) << int(right))
    try:
        return bounded(arithmetic[type(op)](left, right))
    except (KeyError, TypeError, ZeroDivisionError, OverflowError):
        return made


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return bounded(str(left) + str(right))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return bounded(left + right)
    for kind in (list, tuple):
        if isinstance(left, kind) and isinstance(right, kind):
            return bounded(kind([*left, *right]))
        if isinstance(left, kind) and isinstance(right, Unknown | Outside):
            return kind([*left, Rest(shown(right))])
        if isinstance(right, kind) and isinstance(left, Unknown | Outside):
            return kind([Rest(shown(left)), *right])
    unknown = (Unknown, Outside)
    if isinstance(left, str) and isinstance(right, unknown):
        return bounded(left + UNKNOWN_PART)
    if isinstance(right, str) and isinstance(left, unknown):
        return bounded(UNKNOWN_PART + right)
    if isinstance(left, unknown) or isinstance(right, unknown):
        return Unknown(f"{shown(left)} + {shown(right)}")
    if left is None or right is None:
        raise raises("TypeError", f"unsupported operand: {shown(left)} + {shown(right)}")
    return Unknown(f"{shown(left)} + {shown(right)}")


def _repeated(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, (str, list, tuple)):
        left, right = right, left
    if isinstance(left, (str, list, tuple)) and isinstance(right, int):
        fits = len(left) * max(right, 0) <= MOST
        return left * right if fits else Unknown("a long list")
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return bounded(left * right)
    return Unknown(f"{shown(left)} * {shown(right)}")


def _of_sets(op: ast.operator, left: Bag, right: Bag) -> Any:
    if isinstance(op, ast.BitOr):
        return Bag.of([*left, *right])
    inner = [each for each in left if any(same(each, other) for other in right)]
    if isinstance(op, ast.BitAnd):
        return Bag.of(inner)
    if isinstance(op, ast.Sub):
        return Bag.of(e for e in left if not any(same(e, other) for other in right))
    return Rest("sets")


def bounded(value: Any) -> Any:
    """The value, unless it is larger than what is followed."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= 128 else Unknown("a large number")
    return value if not hasattr(value, "__len__") or len(value) <= MOST else Unknown("a long text")


class Hole:
    """Stands for an unknown value in a format."""

    def __format__(self, spec: str) -> str:
        return UNKNOWN_PART

    def __str__(self) -> str:
        return UNKNOWN_PART

    def __getattr__(self, name: str) -> Hole:
        return self

    def __getitem__(self, key: object) -> Hole:
        return self


def text_of(value: Any) -> str:
    """`str(value)`, as far as it is known."""
    if isinstance(value, Release):
        return str(value.version)
    if isinstance(value, (list, tuple)) and plain(value):
        return str(_native(value))
    return str(value) if scalar(value) else UNKNOWN_PART


def _native(value: Any) -> Any:
    """With plain texts in it, for their look."""
    if isinstance(value, (list, tuple)):
        kind = set if isinstance(value, Bag) else type(value)
        return kind(map(_native, value))
    return str(value) if isinstance(value, (str, Release)) else value


def percent(form: str, right: Any) -> Any:
    """`form % right`."""
    if _WIDE_PERCENT.search(form):
        return Unknown("a wide format")
    values = list(right) if isinstance(right, tuple) else [right]
    turn = iter(values)

    def one(found: re.Match[str]) -> str:
        name, flags, kind = found.groups()
        if kind == "%":
            return "%"
        if name is not None:
            value = right.get(name, Hole()) if isinstance(right, dict) else Hole()
        else:
            value = next(turn, Hole())
        known = scalar(value) or (isinstance(value, (list, tuple)) and plain(value))
        if not known:
            return UNKNOWN_PART
        if kind in "sr":
            value = _native(value) if kind == "r" else text_of(value)
        try:
            return f"%{flags}{kind}" % value
        except (TypeError, ValueError):
            return UNKNOWN_PART

    return _PERCENT.sub(one, form)


def formatted(form: str, args: Sequence[Any], named: Mapping[Any, Any]) -> Any:
    """`form.format(*args, **named)`."""
    if _WIDE_FIELD.search(form):
        return UNKNOWN_PART
    given = [_piece(value) for value in args]
    more = {k: _piece(v) for k, v in named.items() if isinstance(k, str)}
    try:
        return string.Formatter().vformat(form, given, more)
    except (LookupError, ValueError, TypeError, AttributeError):
        return UNKNOWN_PART


def _piece(value: Any) -> Any:
    """What a format may look at: plain values, dictionaries and lists of them."""
    if isinstance(value, Release):
        return str(value.version)
    if isinstance(value, dict) and all(map(scalar, value.values())):
        return {k: v for k, v in value.items() if isinstance(k, (str, int))}
    if isinstance(value, (list, tuple)) and plain(value):
        return _native(value)
    return value if scalar(value) else Hole()


def of_spec(value: Any, spec: str, conversion: int) -> str:
    """One piece of an f-string."""
    if _WIDE.search(spec) or not (
        scalar(value) or (isinstance(value, (list, tuple)) and plain(value))
    ):
        return UNKNOWN_PART
    native = _native(value)
    if conversion == ord("r"):
        native = repr(native)
    elif conversion == ord("s") or isinstance(native, (list, tuple, set)) or native is None:
        native = str(native)
    try:
        return format(native, spec)
    except (TypeError, ValueError):
        return UNKNOWN_PART


_TEXT_METHODS = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "expandtabs",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "islower",
        "isnumeric",
        "isspace",
        "isupper",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
        "encode",
        "decode",
        "zfill",
    ]
)


def text_method(value: str, name: str, args: list[Any], named: Mapping[Any, Any]) -> Any:
    """`value.name(*args)` of a text. Raises Fails."""
    if name == "format":
        return bounded(formatted(value, args, named))
    if name == "format_map":
        return bounded(formatted(value, [], args[0] if isinstance(args[0], dict) else {}))
    if name == "join":
        return _joined_texts(value, args[0] if args else None)
    if name in ("encode", "decode"):
        return value
    if name not in _TEXT_METHODS or any(isinstance(n, int) and abs(n) > MOST for n in args):
        return Unknown(f"{shown(value)}.{name}()")
    args = [tuple(a) if isinstance(a, list) else a for a in args]
    if not all(plain(a) for a in args):
        return Unknown(f"{shown(value)}.{name}({', '.join(map(shown, args))})")
    if hidden(value) and (told := _of_hidden(value, name, args)) is not NotImplemented:
        return told
    try:
        more = {k: v for k, v in named.items() if k in ("sep", "maxsplit", "keepends")}
        return bounded(getattr(str(value), name)(*args, **more))
    except (TypeError, AttributeError):
        return Unknown(f"{shown(value)}.{name}()")
    except ValueError as error:
        raise raises("ValueError", str(error)) from None


def _of_hidden(value: str, name: str, args: list[Any]) -> Any:
    """Questions to a text that is known in part."""
    unknown = Unknown(f"{shown(value)}.{name}({', '.join(map(shown, args))})")
    if name in ("startswith", "endswith") and args:
        wanted = args[0] if isinstance(args[0], tuple) else (args[0],)
        starts = name == "startswith"
        known = value.partition(UNKNOWN_PART)[0] if starts else value.rpartition(UNKNOWN_PART)[2]
        verdicts = []
        for each in wanted:
            part = known[: len(each)] if starts else known[-len(each) :] if each else ""
            if part == each:
                return True
            whole = len(known) >= len(each)
            fits = each.startswith(known) if starts else each.endswith(known)
            verdicts.append(False if whole or not fits else None)
        return unknown if None in verdicts else False
    if name.startswith("is") or name in ("count", "find", "index", "rfind", "rindex"):
        return unknown
    return NotImplemented


def _joined_texts(glue: str, parts: Any) -> Any:
    if not isinstance(parts, (list, tuple)):
        return UNKNOWN_PART
    return bounded(
        str(glue).join(str(part) if isinstance(part, str) else UNKNOWN_PART for part in parts)
    )


def list_method(value: list[Any], name: str, args: list[Any], named: Mapping[Any, Any]) -> Any:
    """`value.name(*args)` of a list, which it may change. Raises Fails."""
    first = args[0] if args else None
    if name in ("append", "insert", "extend", "update", "add") and len(value) >= MOST:
        return None
    if name == "append":
        value.append(first)
    elif name == "add" and isinstance(value, Bag):
        value.add(first)
    elif name == "insert" and len(args) > 1:
        value.insert(first if isinstance(first, int) else 0, args[1])
    elif name in ("extend", "update"):
        for more in elements(first):
            value.add(more) if isinstance(value, Bag) else value.append(more)
    elif name in ("remove", "discard"):
        return _removed(value, first, name)
    elif name == "pop":
        at = first if isinstance(first, int) else -1
        if not value and not isinstance(first, Unknown):
            raise raises("IndexError", "pop from empty list")
        return value.pop(at) if -len(value) <= at < len(value) else Unknown("an element")
    elif name == "clear":
        value.clear()
    elif name == "reverse":
        value.reverse()
    elif name == "sort":
        value[:] = ordered(value, bool(named.get("reverse")))
    else:
        return _asked_of_list(value, name, first)
    return None


def _removed(value: list[Any], item: Any, name: str) -> None:
    for at, each in enumerate(value):
        if same(item, each):
            del value[at]
            return
    if name == "remove" and plain(value) and plain(item):
        raise raises("ValueError", "list.remove(x): x not in list")


def _asked_of_list(value: list[Any], name: str, first: Any) -> Any:
    if name == "copy":
        return type(value)(value)
    if name == "index" and plain(first):
        for at, each in enumerate(value):
            if same(first, each):
                return at
        if plain(value):
            raise raises("ValueError", f"{shown(first)} is not in list")
    if name == "count" and plain(first) and plain(value):
        return sum(same(first, each) for each in value)
    if isinstance(value, Bag) and isinstance(first, (list, tuple)):
        other, ops = Bag.of(first), {"union": ast.BitOr, "intersection": ast.BitAnd}
        if name in ("union", "intersection", "difference"):
            return _of_sets(ops.get(name, ast.Sub)(), value, other)
        if name == "issubset" and plain(value) and plain(first):
            return all(any(same(e, o) for o in first) for e in value)
    return Unknown(f"a list's {name}()")


def dict_method(value: dict[Any, Any], name: str, args: list[Any], named: Mapping[Any, Any]) -> Any:
    """`value.name(*args)` of a dictionary, which it may change. Raises Fails."""
    key = args[0] if args else None
    default = args[1] if len(args) > 1 else None
    vague = any(isinstance(each, Unknown) for each in value)
    if name in ("items", "keys", "values"):
        found = list(getattr(value, name)())
        return [(k, v) for k, v in found] if name == "items" else found
    if name == "update":
        more = key if isinstance(key, dict) else {}
        value.update(more)
        value.update({k: v for k, v in named.items() if isinstance(k, str)})
        return None
    if name == "copy":
        return dict(value)
    if name == "clear":
        value.clear()
        return None
    if name not in ("get", "setdefault", "pop"):
        return Unknown(f"a dictionary's {name}()")
    if not hashable(key) or hidden(key) or (vague and key not in value):
        return Unknown(f"a dictionary's {shown(key)}")
    if name == "get":
        return value.get(key, default)
    if name == "setdefault":
        return value.setdefault(key, default)
    if key not in value and len(args) < 2:
        raise raises("KeyError", shown(key))
    return value.pop(key, default)


def hashable(value: Any) -> bool:
    """Whether a value can be a key."""
    if isinstance(value, tuple):
        return all(map(hashable, value))
    return not isinstance(value, (list, dict, Unknown))


def elements(value: Any) -> list[Any]:
    """What a loop over a value goes through."""
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, OpenFile) and value.text is not None:
        return list(value.text.splitlines(keepends=True))
    if isinstance(value, str):
        return [Rest(shown(value))] if hidden(value) else list(str(value))
    return [Rest(shown(value))]


def ordered(values: Sequence[Any], backwards: bool = False) -> list[Any]:
    """Sorted, where all can be compared; else as they stand."""
    if not plain(list(values)):
        return list(values)
    try:
        keys = [release(v).version if isinstance(v, Release) else v for v in values]  # type: ignore[union-attr]
        order = sorted(range(len(keys)), key=keys.__getitem__, reverse=backwards)
        return [values[at] for at in order]
    except TypeError:
        return list(values)


_GROUP = re.compile(r"\)[*+{]")


def matching(how: str, pattern: str, text: str, flags: int = 0) -> Any:
    """re.search and its like on known texts, where the pattern cannot take long.

    None stands for no match; a list of groups, the whole first, for one.
    """
    if hidden(pattern) or hidden(text) or len(pattern) > 200 or _GROUP.search(pattern):
        return NotImplemented
    many = len(re.findall(r"[*+}]", pattern))
    if len(text) ** (1 + many) > 10**8 and len(text) * (many + 1) > 40_000:
        return NotImplemented
    if many > 2 and len(text) > 600:
        return NotImplemented
    try:
        found = re.compile(str(pattern), flags)
        if how in ("findall", "split"):
            return getattr(found, how)(str(text))
        match = getattr(found, how)(str(text))
        return None if match is None else Match(match)
    except (re.error, RecursionError, OverflowError):
        return NotImplemented


class Match:
    """A match of a regular expression."""

    def __init__(self, found: re.Match[str]) -> None:
        self.found = found

    def method(self, name: str, args: list[Any]) -> Any:
        """`match.name(*args)`."""
        if name not in ("group", "groups", "groupdict", "start", "end", "span", "__getitem__"):
            return Unknown(f"a match's {name}")
        try:
            return getattr(self.found, name)(*(str(a) if isinstance(a, str) else a for a in args))
        except (IndexError, TypeError):
            return Unknown("a group")


def placed(value: Any, at: Place) -> Any:
    """A value whose texts know a place; those in a list learn it in the list."""
    if type(value) is str:
        return Text.at(value, at)
    if type(value) is list and any(type(each) is str for each in value):
        value[:] = [Text.at(each, at) if type(each) is str else each for each in value]
    elif type(value) is tuple and any(type(each) is str for each in value):
        return tuple(Text.at(each, at) if type(each) is str else each for each in value)
    return value

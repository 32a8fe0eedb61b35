"""What operators yield of the values of a build file, exactly or as unknown."""

from __future__ import annotations

import ast
import operator
import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gpufix.source.builds.python_formats import percent
from gpufix.source.builds.python_values import (
    Bag,
    OpenFile,
    Release,
    Rest,
    Text,
    TorchVersion,
    hidden,
    plain,
    same,
    scalar,
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
        return of_sets(op, left, right)
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


def of_sets(op: ast.operator, left: Bag, right: Bag) -> Any:
    """`left op right` of two sets."""
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


def placed(value: Any, at: Place) -> Any:
    """A value whose texts know a place; those in a list learn it in the list."""
    if type(value) is str:
        return Text.at(value, at)
    if type(value) is list and any(type(each) is str for each in value):
        value[:] = [Text.at(each, at) if type(each) is str else each for each in value]
    elif type(value) is tuple and any(type(each) is str for each in value):
        return tuple(Text.at(each, at) if type(each) is str else each for each in value)
    return value

"""What operators and methods yield of values that are known while a module is imported."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gpufix.source.python.import_values import (
    UNKNOWN,
    Outside,
    PathText,
    Raised,
    Release,
    Unknown,
    truth,
)

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}


def compared(op: ast.cmpop, left: Any, right: Any) -> Any:
    """The outcome of one comparison."""
    if isinstance(op, (ast.Is, ast.IsNot)) and (left is None or right is None):
        other = right if left is None else left
        if isinstance(other, Unknown) or (isinstance(other, Outside) and not other.is_module):
            return UNKNOWN
    elif isinstance(right, Raised) and isinstance(op, (ast.In, ast.NotIn)):
        if not isinstance(left, str) or not left.startswith("No module named"):
            return UNKNOWN
        return bool(right.failure.missing) is isinstance(op, ast.In)
    elif isinstance(right, dict) and isinstance(op, (ast.In, ast.NotIn)):
        known = _scalar(left) and UNKNOWN not in right
        return (left in right) is isinstance(op, ast.In) if known else UNKNOWN
    elif isinstance(left, Release) and isinstance(right, Release):
        left, right = left.version, right.version
    elif not (_plain(left) and _plain(right)):
        return UNKNOWN
    try:
        return bool(_COMPARE[type(op)](left, right))
    except (TypeError, KeyError):
        return UNKNOWN


def _plain(value: Any) -> bool:
    """Text, a number, or a list of these; deeper ones can hold more than there are atoms."""
    if isinstance(value, (list, tuple)):
        return all(map(_scalar, value))
    return _scalar(value)


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bytes))


def joined(op: ast.operator, left: Any, right: Any) -> Any:
    """The outcome of `left op right`: text, paths, numbers and lists."""
    if isinstance(op, ast.Div) and isinstance(left, PathText) and isinstance(right, str):
        return PathText(posixpath.join(left, right))
    if not (_plain(left) and _plain(right)):
        return UNKNOWN
    try:
        if isinstance(op, ast.Add):
            return bounded(left + right)
        if isinstance(op, ast.Mod) and isinstance(left, str) and not _WIDE.search(left):
            return bounded(left % (tuple(right) if isinstance(right, list) else right))
        if isinstance(op, ast.Sub):
            return bounded(left - right)
        if isinstance(op, (ast.BitOr, ast.BitAnd)):
            return left | right if isinstance(op, ast.BitOr) else left & right
    except (TypeError, ValueError, KeyError):
        pass
    return UNKNOWN


_WIDE = re.compile(r"\d{4}|\*")  # a format that asks for a width may ask for gigabytes


def bounded(value: Any) -> Any:
    """The value, unless it is larger than what is followed."""
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else UNKNOWN
    return value if not hasattr(value, "__len__") or len(value) <= 10_000 else UNKNOWN


_TEXT_METHODS = {
    "startswith", "endswith", "replace", "split", "rsplit", "strip", "lstrip", "rstrip", "lower", "upper",
    "join", "format", "partition", "rpartition", "removeprefix", "removesuffix",
}  # fmt: skip


def method(value: Any, name: str, args: list[Any]) -> Any:
    """`value.name(*args)` of text and paths that touches no disk."""
    if isinstance(value, (list, dict)):
        return _of_container(value, name, args)
    if not isinstance(value, str) or not all(map(_plain, args)):
        return UNKNOWN
    if isinstance(value, PathText):
        if name in ("resolve", "absolute", "expanduser"):
            return PathText(posixpath.normpath(value))
        if name == "joinpath":
            return PathText(posixpath.join(value, *args))
        if name in ("as_posix", "__str__"):
            return str(value)
        if name == "with_name" and args and isinstance(args[0], str):
            return PathText(posixpath.join(posixpath.dirname(value), args[0]))
        if name == "with_suffix" and args and isinstance(args[0], str):
            return PathText(posixpath.splitext(value)[0] + args[0])
        return UNKNOWN
    if name not in _TEXT_METHODS or (name == "format" and _WIDE.search(value)):
        return UNKNOWN
    try:
        return bounded(getattr(value, name)(*args))
    except (TypeError, ValueError, LookupError, AttributeError):
        return UNKNOWN


def _of_container(value: list[Any] | dict[Any, Any], name: str, args: list[Any]) -> Any:
    """Methods of lists and dicts, those that change them as well."""
    if isinstance(value, dict):
        if name == "get" and args and _scalar(args[0]) and UNKNOWN not in value:
            return value.get(args[0], args[1] if len(args) > 1 else None)
        if name in ("items", "keys", "values") and UNKNOWN not in value:
            return list(getattr(value, name)())
        if name in ("update", "setdefault", "pop", "clear"):
            value.clear()
            value[UNKNOWN] = UNKNOWN
        return UNKNOWN
    if name == "append" and args:
        value.append(args[0])
    elif name == "insert" and len(args) > 1 and isinstance(args[0], int):
        value.insert(args[0], args[1])
    elif name == "extend" and args and isinstance(args[0], (list, tuple)):
        value.extend(args[0])
    elif name in ("append", "insert", "extend", "remove", "pop", "clear", "sort", "reverse"):
        value.append(UNKNOWN)
    else:
        return UNKNOWN
    del value[10_000:]
    return None


def os_path(name: str, args: list[Any]) -> Any:
    """`os.path.name(*args)` for what is only text."""
    if not args or any(not isinstance(a, str) for a in args):
        return UNKNOWN
    if name == "join":
        return posixpath.join(*args)
    if name in ("abspath", "realpath", "normpath", "expanduser"):
        return posixpath.normpath(args[0])
    if name in ("dirname", "basename", "splitext", "split", "isabs"):
        return getattr(posixpath, name)(args[0])
    return UNKNOWN


def of_list(name: str, every: list[Any] | tuple[Any, ...], args: list[Any]) -> Any:
    """What builtins make of a list."""
    if name == "len":
        return UNKNOWN if any(isinstance(item, Unknown) for item in every) else len(every)
    if name in ("tuple", "list", "set"):
        return list(every)
    if name == "reversed":
        return list(reversed(every))
    if name == "enumerate":
        return list(enumerate(every))
    if name == "zip" and all(isinstance(a, (list, tuple)) for a in args):
        return list(zip(*args, strict=False))
    if name == "sorted":
        return sorted(every) if _of_one_kind(every) else list(every)
    if name in ("any", "all"):
        told, ends = [truth(item) for item in every], name == "any"
        return ends if ends in told else (UNKNOWN if None in told else not ends)
    return NotImplemented


def _of_one_kind(values: Sequence[Any]) -> bool:
    """Whether they can be sorted."""
    return any(all(isinstance(value, kind) for value in values) for kind in (str, int))

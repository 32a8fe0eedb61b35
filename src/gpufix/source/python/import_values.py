"""Values that module code has while it is imported, as far as they can be told without running it."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Unknown:
    """What only a run could tell. It is never equal, true or false."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


class PathText(str):
    """A pathlib.Path."""

    __slots__ = ()


@dataclass(frozen=True)
class Outside:
    """A module, or a name of one, that is not followed: "ctypes.CDLL"."""

    name: str
    is_module: bool = False  # it was imported, so that it is there


@dataclass(eq=False)
class Module:
    """A module that is followed, with what it has bound so far."""

    name: str
    path: str
    package: str  # that relative imports in it are relative to
    aside: bool = False  # followed only for the libraries that it opens
    names: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Function:
    """A function of a followed module, not yet called."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    frame: Frame


@dataclass(eq=False)
class Frame:
    """Where statements run: a module, or a call of one of its functions."""

    module: Module
    names: dict[str, Any]
    above: Frame | None = None
    doubtful: bool = False  # it may have been left already
    outer: set[str] = field(default_factory=set)  # names that `global` declares
    last: Any = None  # the exception that was caught last

    def get(self, name: str) -> Any:
        """What a name stands for here."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.above
        return self.module.names.get(name, _BUILTINS.get(name, UNKNOWN))


_BUILTIN_NAMES = ("__import__", "len", "list", "range", "sorted", "str", "tuple")
_BUILTINS: dict[str, Any] = {name: Outside(name) for name in _BUILTIN_NAMES}


def truth(value: Any) -> bool | None:
    """Whether a value counts as true; None when that is unknown."""
    if isinstance(value, Outside):
        return True if value.is_module else None
    if isinstance(value, (Module, Function)):
        return True
    if isinstance(value, (list, tuple)):
        return bool(value)
    return None if value is UNKNOWN else bool(value)


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
    if isinstance(op, (ast.Is, ast.IsNot)) and None in (left, right):
        other = right if left is None else left
        if other is UNKNOWN or (isinstance(other, Outside) and not other.is_module):
            return UNKNOWN
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


def _parent(path: str) -> PathText:
    return PathText(posixpath.dirname(path))


def attribute(value: Any, name: str) -> Any:
    """`value.name`."""
    if isinstance(value, Outside):
        return Outside(f"{value.name}.{name}")
    if isinstance(value, Module):
        return value.names.get(name, UNKNOWN)
    if isinstance(value, PathText):
        if name in ("parent", "name", "stem", "suffix"):
            stem, suffix = posixpath.splitext(posixpath.basename(value))
            parts = {
                "parent": _parent(value),
                "name": stem + suffix,
                "stem": stem,
                "suffix": suffix,
            }
            return parts[name]
        if name == "parents":
            found = [_parent(value)]
            while found[-1] != posixpath.dirname(found[-1]):
                found.append(_parent(found[-1]))
            return found
    return UNKNOWN


_TEXT_METHODS = {
    "startswith", "endswith", "replace", "split", "rsplit", "strip", "lstrip", "rstrip", "lower", "upper",
    "join", "format", "partition", "rpartition", "removeprefix", "removesuffix",
}  # fmt: skip


def method(value: Any, name: str, args: list[Any]) -> Any:
    """`value.name(*args)` of text and paths that touches no disk."""
    if UNKNOWN in [a for a in args if a is UNKNOWN] or not isinstance(value, str):
        return UNKNOWN
    if isinstance(value, PathText):
        if name in ("resolve", "absolute", "expanduser"):
            return PathText(posixpath.normpath(value))
        if name == "joinpath":
            return PathText(posixpath.join(value, *args))
        if name in ("as_posix", "__str__"):
            return str(value)
        return UNKNOWN
    if name not in _TEXT_METHODS or (name == "format" and _WIDE.search(value)):
        return UNKNOWN
    try:
        return bounded(getattr(value, name)(*args))
    except (TypeError, ValueError, LookupError, AttributeError):
        return UNKNOWN


def os_path(name: str, args: list[Any]) -> Any:
    """`os.path.name(*args)` for what is only text."""
    if not args or any(not isinstance(a, str) for a in args):
        return UNKNOWN
    if name == "join":
        return posixpath.join(*args)
    if name in ("abspath", "realpath", "normpath", "expanduser"):
        return posixpath.normpath(args[0])
    if name in ("dirname", "basename"):
        return getattr(posixpath, name)(args[0])
    return UNKNOWN

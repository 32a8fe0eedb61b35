"""Values that module code has while it is imported, as far as they can be told without running it."""

from __future__ import annotations

import ast
import builtins
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from packaging.version import Version

from gpufix.source.python.import_world import Fails
from gpufix.source.python.skeleton import Functions

_LONGEST = 160  # characters of what names an unknown


class Unknown:
    """What only a run could tell. It is never equal, true or false. `why`: what it is the value of."""

    __slots__ = ("why",)

    def __init__(self, why: str = "") -> None:
        # Names of names grow; their end, as a number, tells those apart that begin alike.
        short = len(why) <= _LONGEST
        self.why = (
            why if short else f"{why[:_LONGEST]}… {crc32(why.encode('utf-8', 'replace')):08x}"
        )

    def __repr__(self) -> str:
        return f"UNKNOWN({self.why})" if self.why else "UNKNOWN"


UNKNOWN = Unknown()
AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class PathText(str):
    """A pathlib.Path."""

    __slots__ = ()


@dataclass(frozen=True)
class Release:
    """A packaging.version.Version."""

    version: Version


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
    functions: Functions = field(default_factory=dict)  # parsed when they are called


@dataclass(eq=False)
class Function:
    """A function of a followed module, not yet called."""

    node: AnyFunction
    frame: Frame
    of: Class | None = None  # the class in whose body it stands

    def mentions(self, what: re.Pattern[str]) -> bool:
        """Whether its text holds something; true where that was parsed at once."""
        late = self.frame.module.functions.get(self.node.lineno)
        return late is None or what.search(late.text) is not None

    def whole(self) -> AnyFunction:
        """With parameters and body, parsed when first asked for. Raises NotPython."""
        late = self.frame.module.functions.get(self.node.lineno)
        return self.node if late is None else late.node


@dataclass(eq=False)
class Class:
    """A class of a followed module."""

    name: str
    names: dict[str, Any]
    bases: list[Any]

    def every(self) -> list[Class]:
        """The class and those that it is derived from, as far as they were followed."""
        order = [self]
        for at in order:  # grows; each class once
            order += [b for b in at.bases if isinstance(b, Class) and b not in order]
        return order

    def find(self, name: str) -> Any:
        """A name of the class or of its bases."""
        return next((at.names[name] for at in self.every() if name in at.names), UNKNOWN)


@dataclass(eq=False)
class Instance:
    """What a class was called for."""

    of: Class
    names: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Bound:
    """A method of an instance or a class."""

    function: Function
    owner: Any


@dataclass(eq=False)
class Raised:
    """An exception that was caught, and its text."""

    failure: Fails


@dataclass(frozen=True)
class Spec:
    """Where a module lies, as importlib.util and importlib.machinery tell it."""

    name: str
    path: str


@dataclass(frozen=True)
class Finder:
    """An importlib.machinery.FileFinder."""

    folder: str


@dataclass(eq=False)
class Frame:
    """Where statements run: a module, or a call of one of its functions."""

    module: Module
    names: dict[str, Any]
    above: Frame | None = None
    doubtful: bool = False  # it may have been left already
    outer: set[str] = field(default_factory=set)  # names that `global` declares
    last: Any = None  # the exception that was caught last
    of_class: bool = False  # its names are not seen by the functions in it

    def get(self, name: str) -> Any:
        """What a name stands for here."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names and (frame is self or not frame.of_class):
                return frame.names[name]
            frame = frame.above
        return self.module.names.get(name, _BUILTINS.get(name, UNKNOWN))

    def has(self, name: str) -> bool:
        """Whether a name is bound here."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return True
            frame = frame.above
        return name in self.module.names or name in _ALWAYS


_BUILTIN_NAMES = (
    "__import__", "all", "any", "bool", "dict", "enumerate", "getattr", "globals", "hasattr",
    "int", "isinstance", "len", "list", "map", "print", "range", "reversed", "set", "sorted", "str", "super", "tuple", "zip",
)  # fmt: skip
_ALWAYS = frozenset(dir(builtins))
_EXCEPTIONS = {
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
_BUILTINS: dict[str, Any] = {name: Outside(name) for name in (*_BUILTIN_NAMES, *_EXCEPTIONS)}


def truth(value: Any) -> bool | None:
    """Whether a value counts as true; None when that is unknown."""
    if isinstance(value, Outside):
        return True if value.is_module else None
    if isinstance(value, (Module, Function, Class, Bound, Spec, Finder, Raised)):
        return True
    if isinstance(value, Instance):
        opaque = "__bool__" in value.of.names or "__len__" in value.of.names
        return None if opaque else True
    if isinstance(value, dict) and UNKNOWN in value:
        return None
    if isinstance(value, (list, tuple, dict)):
        return bool(value)
    return None if isinstance(value, Unknown) else bool(value)


def _parent(path: str) -> PathText:
    return PathText(posixpath.dirname(path))


def attribute(value: Any, name: str) -> Any:
    """`value.name`."""
    if isinstance(value, Outside):
        return Outside(f"{value.name}.{name}")
    if isinstance(value, Module):
        return value.names.get(name, UNKNOWN)
    if isinstance(value, (Class, Instance)):
        return _of_object(value, name)
    if isinstance(value, Raised) and name in ("msg", "name"):
        return value if name == "msg" else value.failure.missing or UNKNOWN
    if isinstance(value, Spec):
        return {"origin": value.path, "name": value.name, "loader": value}.get(name, UNKNOWN)
    if isinstance(value, Release):
        told = ("release", "major", "minor", "micro", "base_version", "public")
        return getattr(value.version, name) if name in told else UNKNOWN
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


def _of_object(value: Class | Instance, name: str) -> Any:
    if isinstance(value, Instance) and name in value.names:
        return value.names[name]
    kind = value.of if isinstance(value, Instance) else value
    found = kind.find(name)
    if isinstance(found, Function):
        how = found.node.decorator_list[0] if found.node.decorator_list else None
        bound = how.id if isinstance(how, ast.Name) else ""
        if bound == "classmethod":
            return Bound(found, kind)
        if isinstance(value, Instance) and bound != "staticmethod":
            return Bound(found, value)
    return found

"""Values that a build file in Python has while it is run abstractly."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from packaging.version import InvalidVersion, Version

from gpufix.source.builds.run import UNKNOWN_PART, Place
from gpufix.source.python.import_values import Class, Instance, PathText, Unknown


class Text(str):
    """A text and the line that it was written or made in."""

    __slots__ = ("place",)
    place: Place

    @classmethod
    def at(cls, value: str, place: Place) -> Text:
        """A text with its place; one that has a place already keeps it."""
        if isinstance(value, cls):
            return value
        made = cls(value)
        made.place = place
        return made


class TorchVersion(Text):
    """torch.__version__: it compares as a version does."""

    __slots__ = ()


class Rest(Unknown):
    """Elements of a list of which neither number nor values are known."""

    __slots__ = ()


class Bag(list[Any]):
    """A set. Its elements keep their order, so that what is made of it can be foretold."""

    __slots__ = ()

    @classmethod
    def of(cls, items: Iterable[Any]) -> Bag:
        """Each element once."""
        made = cls()
        for item in items:
            made.add(item)
        return made

    def add(self, item: Any) -> None:
        """Put an element in, unless it is there."""
        if isinstance(item, Unknown) or not any(same(item, each) for each in self):
            self.append(item)


def same(left: Any, right: Any) -> bool:
    """Whether two plain values are equal; anything else is only itself."""
    if isinstance(left, (str, int, float, bytes, tuple)) and not isinstance(left, Unknown):
        return type(right) is not list and bool(left == right)
    return left is right


@dataclass(frozen=True)
class Release:
    """A version that packaging or distutils has read."""

    version: Version
    dotted: bool = False  # LooseVersion: it has `.version`, a list, and `.vstring`

    @classmethod
    def read(cls, text: str, dotted: bool = False) -> Release | None:
        """None for a text that is no version."""
        try:
            return cls(Version(text), dotted)
        except InvalidVersion:
            return None

    def attribute(self, name: str) -> Any:
        """`version.name`."""
        if name in ("version", "vstring") and self.dotted:
            return list(self.version.release) if name == "version" else str(self.version)
        if name in ("major", "minor", "micro", "release", "base_version", "public", "local"):
            return getattr(self.version, name)
        if name in ("is_prerelease", "is_devrelease", "is_postrelease", "dev", "pre", "post"):
            return getattr(self.version, name)
        return Unknown(f"a version's {name}")


@dataclass(eq=False)
class OpenFile:
    """A file that is open for reading, or for writing: `text` is None where it is not known."""

    path: str
    text: str | None
    writes: bool = False


@dataclass(eq=False)
class Super:
    """What `super()` gives: the classes above one, for one object."""

    above: Class
    owner: Any


@dataclass(eq=False)
class OutsideMethod:
    """A method that a class outside the project gives to an object of the project's class."""

    name: str  # of the class outside: "setuptools.command.build_ext.build_ext"
    method: str
    owner: Any


@dataclass(eq=False)
class Partial:
    """functools.partial, with_options, and lambdas that hold arguments."""

    called: Any
    args: list[Any]
    named: dict[Any, Any]


@dataclass(eq=False)
class Lambda:
    """A lambda and the frame it was made in."""

    node: Any
    frame: Any


@dataclass(eq=False)
class Arguments:
    """An argparse.ArgumentParser: what it was told of, by destination."""

    values: dict[str, Any] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)  # words of the command line


EXTENSION = "setuptools.Extension"  # the class that stands for every extension module


@dataclass(eq=False, kw_only=True)
class ExtensionClass(Class):
    """The class of extension modules, with the place where one is made."""

    place: Place
    kind: str


def extension(kind: str, place: Place, values: dict[str, Any]) -> Instance:
    """An extension module with these attributes."""
    return Instance(
        ExtensionClass(name="Extension", names={}, bases=[], place=place, kind=kind), values
    )


def is_extension(value: Any) -> bool:
    """Whether a value is an extension module."""
    return isinstance(value, Instance) and isinstance(value.of, ExtensionClass)


def hidden(value: Any) -> bool:
    """Whether a text has a part that only a run would tell."""
    return isinstance(value, str) and UNKNOWN_PART in value


def path_attribute(value: PathText, name: str) -> Any:
    """What a pathlib.Path has beside what imports ask for."""
    if name == "parts":
        return tuple(p for p in value.split("/") if p)
    if name == "suffixes":
        return [f".{part}" for part in posixpath.basename(value).split(".")[1:]]
    return Unknown(f"a path's {name}")


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

"""Answers as JSON values and back, by what they are declared to be.

A dataclass or a row of TABLES is a table of its fields, without those that have their default
(unless the metadata say "always"); another NamedTuple is a list; an underscore at the end of a name
is Python's.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from gpufix.source.source_facts import TABLES

Reader = Callable[[Any], Any]
_LARGEST = 2**53  # of whole numbers, which are lines, positions and 0 or 1: none is negative
_LONGEST = 100  # characters of a key that a message shows


class Malformed(ValueError):
    """A JSON value that is not what it should be; says where."""

    def __init__(self, expected: str, path: tuple[str, ...] = ()) -> None:
        self.expected, self.path = expected, path
        super().__init__(f"not {expected}" + (f" at {'/'.join(path)}" if path else ""))


class _Part(NamedTuple):
    """A field of a record or row."""

    name: str
    default: Any = MISSING
    always: bool = False

    @property
    def key(self) -> str:
        """Its name in JSON."""
        return self.name.rstrip("_")


@cache
def _parts(kind: Any) -> tuple[_Part, ...]:
    if not is_dataclass(kind):
        return tuple(_Part(n, kind._field_defaults.get(n, MISSING)) for n in kind._fields)
    return tuple(
        _Part(
            field.name,
            field.default if field.default_factory is MISSING else field.default_factory(),
            "always" in field.metadata,
        )
        for field in fields(kind)
    )


def encode(value: object) -> Any:
    """The JSON value of an answer."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    kind: Any = type(value)
    if isinstance(value, tuple) and kind not in TABLES:
        return [encode(item) for item in value]
    found = [(part, getattr(value, part.name)) for part in _parts(kind)]
    return {part.key: encode(item) for part, item in found if part.always or item != part.default}


def decode(kind: Any, value: Any) -> Any:
    """The answer of a declared kind that a JSON value holds. Raises Malformed."""
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Reader:
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _optional(_reader(next(part for part in parts if part is not type(None))))
    if origin is Literal:
        return _scalar(
            lambda value: type(value) is str and value in parts, f"one of {', '.join(parts)}"
        )
    if origin is Mapping:
        return _mapping(_reader(parts[1]))
    if origin in TABLES or is_dataclass(origin):
        return _record(origin, parts)
    if hasattr(origin, "_fields"):
        return _row(origin)
    if origin is tuple:
        return _list(_reader(parts[0]))
    return _SCALARS[origin]


def _scalar(fits: Callable[[Any], bool], expected: str) -> Reader:
    def read(value: Any) -> Any:
        if not fits(value):
            raise Malformed(expected)
        return value

    return read


_SCALARS: dict[Any, Reader] = {
    str: _scalar(lambda value: type(value) is str, "a text"),
    bool: _scalar(lambda value: type(value) is bool, "true or false"),
    int: _scalar(lambda v: type(v) is int and 0 <= v <= _LARGEST, "a whole number"),
}


def _inside(step: object, read: Reader, value: Any) -> Any:
    try:
        return read(value)
    except Malformed as error:
        raise Malformed(error.expected, (str(step)[:_LONGEST], *error.path)) from None


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _mapping(read: Reader) -> Reader:
    def table(value: Any) -> Any:
        if type(value) is not dict:
            raise Malformed("a table")
        return {key: _inside(key, read, item) for key, item in value.items()}

    return table


def _list(read: Reader) -> Reader:
    def rows(value: Any) -> Any:
        if type(value) is not list:
            raise Malformed("a list")
        return tuple(_inside(index, read, item) for index, item in enumerate(value))

    return rows


def _row(kind: Any) -> Reader:
    readers = [(name, _reader(hint)) for name, hint in get_type_hints(kind).items()]

    def row(value: Any) -> Any:
        if type(value) is not list or len(value) != len(readers):
            raise Malformed(f"a list of {len(readers)}")
        pairs = zip(readers, value, strict=True)
        return kind(*(_inside(name, read, item) for (name, read), item in pairs))

    return row


def _record(kind: Any, given: tuple[Any, ...]) -> Reader:
    hints = get_type_hints(kind)
    if given:  # of Scanned[PythonFacts]: what its fields name T is that
        hints = {n: h[given] if getattr(h, "__parameters__", ()) else h for n, h in hints.items()}
    readers = [(part, _reader(hints[part.name])) for part in _parts(kind)]

    def record(value: Any) -> Any:
        if type(value) is not dict:
            raise Malformed("a table")
        found = {}
        for part, read in readers:
            if part.key in value:
                found[part.name] = _inside(part.key, read, value[part.key])
            elif part.default is MISSING:
                raise Malformed("complete", (part.key,))
        return kind(**found)

    return record

"""Values of a build file as texts: `str`, `%`, `format` and f-strings, with what is unknown in its place."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from gpufix.source.builds.python_values import Bag, Release, plain, scalar
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.python.import_values import Unknown

_WIDE = re.compile(r"\d{4}")  # a width that makes a text long
_WIDE_FIELD = re.compile(r"\{[^{}]*\d{4}|\{[^{}]*\{")
_WIDE_PERCENT = re.compile(r"%(?:\(\w+\))?[-#0 +]*\d*(?:\d{4}|\.\d{4}|\.?\*)")
_PERCENT = re.compile(r"%(?:\((\w+)\))?([-#0 +]*\d*(?:\.\d+)?)([%sdrfxigeGEcX])")


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

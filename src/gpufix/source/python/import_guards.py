"""What catches an exception in module code, and whether the code then tells people."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from functools import cache
from typing import Any

from gpufix.source.python.import_values import Class, Instance, Outside, Raised
from gpufix.source.python.import_world import Fails

_SAYS = {"warn", "warning", "warning_once", "warn_once", "error", "exception", "critical", "print"}


@cache
def kinds_by_name(name: str) -> frozenset[str]:
    """The classes that an exception is of, by the name of its own."""
    last = name.rpartition(".")[2]
    kind = getattr(builtins, last, None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return frozenset(c.__name__ for c in kind.__mro__)
    return frozenset({last, "Exception", "BaseException"})


def kinds_of(value: Any) -> frozenset[str] | None:
    """The classes that a raised value is of; None when only a run could tell."""
    if isinstance(value, Outside):
        return kinds_by_name(value.name)
    if isinstance(value, Instance):
        return kinds_of(value.of)
    if isinstance(value, Class):
        found = {value.name, "Exception", "BaseException"}
        for base in value.every()[1:]:
            found.add(base.name)
        for base in value.every():
            for other in base.bases:
                found |= kinds_by_name(other.name) if isinstance(other, Outside) else set()
        return frozenset(found)
    return None


def classes_of(value: Any) -> set[str] | None:
    """The names of the classes that a handler takes; None when only a run could tell."""
    if isinstance(value, Outside):
        kind = getattr(builtins, value.name, None)
        return {kind.__name__ if isinstance(kind, type) else value.name.rpartition(".")[2]}
    if isinstance(value, Class):
        return {value.name}
    if not isinstance(value, (list, tuple)):
        return None
    found: set[str] = set()
    for part in value:
        inner = classes_of(part) if not isinstance(part, (list, tuple)) else None
        if inner is None:
            return None
        found |= inner
    return found


def catches(classes: set[str], failure: Fails) -> bool:
    """Whether a handler of these classes takes the exception."""
    return bool(classes & failure.kinds)


def raised(value: Any, last: Fails | None) -> Fails:
    """What a `raise` raises: what was caught anew, or a class of the code's own."""
    if isinstance(value, Raised):
        return value.failure.again(value.failure.kinds)
    kinds = kinds_of(value) or (last.kinds if last else kinds_by_name("Exception"))
    return last.again(kinds) if last else Fails(kinds)


def says(body: Sequence[ast.stmt]) -> bool:
    """Whether statements warn, log or print."""
    calls = (n.func for part in body for n in ast.walk(part) if isinstance(n, ast.Call))
    return any(
        (isinstance(f, ast.Attribute) and f.attr in _SAYS)
        or (isinstance(f, ast.Name) and f.id in _SAYS)
        for f in calls
    )

"""One variable of a build, and why it is set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """`value` None = the build must not see the variable."""

    name: str
    value: str | None
    reason: str


def merged(variables: Iterable[Variable]) -> list[Variable]:
    """One row a name, sorted by name; of several the last holds."""
    last = {variable.name: variable for variable in variables}
    return [last[name] for name in sorted(last)]


def paths(*parts: str | None) -> str:
    """A search path without repeats and empty parts (an empty one would mean the current folder).

    Applied to its own result it changes nothing: a value may be set over and over again.
    """
    split = [piece for part in parts if part for piece in part.split(":") if piece]
    return ":".join(dict.fromkeys(split))

"""What takes the place of a name that a release took away, and which release of its package still has it."""

from __future__ import annotations

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table


class Successor(Frozen):
    """`instead`: what code of today writes; `requirement`: as pip is asked for a release with the name; "" unknown."""

    instead: str
    requirement: str


def of(name: str) -> Successor | None:
    """Of `moviepy.editor`, of what lies below it, of `DataFrame.append`, of `Client(proxies)`."""
    names: dict[str, list[str]] = table("successors")["names"]
    parts = name.split(".")
    tries = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
    found = next((one for one in (name, *tries) if one in names), None)
    return Successor(instead=names[found][0], requirement=names[found][1]) if found else None


def before_the_break(package: str) -> str | None:
    """The releases of a package before the one that most of the code older than it does not run with."""
    major = table("successors")["majors"].get(package.replace("-", "_"))
    return f"{package.replace('_', '-')}<{major}" if major else None

"""What a script has made of its shell so far, and what it has done."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Literal, NamedTuple

from gpufix.frozen import Frozen
from gpufix.source.builds.run import UNKNOWN_PART, EnvironmentWrite, Place
from gpufix.source.builds.shell_syntax import Command, Simple

# How a command ended. "done": a program of which nothing else is expected.
Status = Literal["done"] | bool | None
Value = str | list[str] | dict[str, str]


class ShellCommand(NamedTuple):
    """A program that would run. `hangs`: what decides whether it does, () = it always does."""

    place: Place
    words: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]
    hangs: tuple[str, ...]
    node: Simple
    asks: bool = False  # for its output alone: $(…)
    within: str = ""  # the environment of Python that the script has switched to


class MissingPath(NamedTuple):
    """A path that a command needs, and that neither the project nor the script has made."""

    place: Place
    path: str  # absolute
    command: str
    hangs: tuple[str, ...]


class PlainVariable(NamedTuple):
    """A variable that is set for the shell alone: no program sees it."""

    name: str
    value: str
    place: Place
    hangs: tuple[str, ...]


class Unmatched(NamedTuple):
    """A `case` of which no branch but `*)` is for the text at hand. patterns: the others."""

    place: Place
    text: str
    patterns: tuple[str, ...]
    hangs: tuple[str, ...]


class ShellRun(Frozen):
    """All that one script does in one world. whole: every way through it was followed to its end."""

    path: str
    commands: tuple[ShellCommand, ...] = ()
    writes: tuple[EnvironmentWrite, ...] = ()
    plain: tuple[PlainVariable, ...] = ()
    missing: tuple[MissingPath, ...] = ()
    origins: tuple[tuple[str, str], ...] = ()  # what a folder was copied or cloned from
    unmatched: tuple[Unmatched, ...] = ()
    final: Mapping[str, str] = field(default_factory=dict)  # what is exported at the end
    asked: frozenset[str] = frozenset()  # variables of the caller that were read, set or not
    beyond: bool = False  # it asked for more arguments than it was given
    whole: bool = True
    error: tuple[int, str] | None = None


class Leave(Exception):
    """break, continue, return or exit. status: None where it is not known."""

    def __init__(self, kind: str, count: int = 1, status: Status = True) -> None:
        super().__init__(kind)
        self.kind, self.count, self.status = kind, count, status


class Exhausted(Exception):
    """The script does more than is followed."""


class State:
    """Variables, folder, arguments. A branch that may not be taken works on a copy."""

    def __init__(self) -> None:
        self.variables: dict[str, Value] = {}
        self.exported: set[str] = set()
        self.functions: dict[str, tuple[Command, str]] = {}  # with the file that it stands in
        self.folder = "/"
        self.stack: list[str] = []
        self.arguments: list[str] | None = []  # None: not known
        self.options: set[str] = set()
        self.status: Status = True
        self.hangs: tuple[str, ...] = ()
        self.left: tuple[tuple[str, str], ...] = ()  # ways out that may have been taken
        self.made: set[str] = set()  # paths
        self.opaque = False  # a program ran that may have made anything
        self.within = ""
        self.optind = 1

    def copy(self) -> State:
        other = State.__new__(State)
        other.__dict__.update(self.__dict__)
        other.variables, other.exported = dict(self.variables), set(self.exported)
        other.functions, other.options = dict(self.functions), set(self.options)
        other.stack, other.made = list(self.stack), set(self.made)
        other.arguments = None if self.arguments is None else list(self.arguments)
        return other

    @property
    def conditions(self) -> tuple[str, ...]:
        """All that decides whether the next command runs."""
        return (*self.hangs, *(text for _, text in self.left))

    def environment(self) -> dict[str, str]:
        return {
            name: value
            for name in self.exported
            if isinstance(value := self.variables.get(name), str)
        }


def merged(states: list[State]) -> State:
    """After branches of which one was taken: what they do not agree on is unknown."""
    first, *others = states
    if not others:
        return first
    found = first.copy()
    names = set().union(*(s.variables for s in states))
    for name in names:
        values = [s.variables.get(name) for s in states]
        if any(v != values[0] for v in values[1:]):
            found.variables[name] = UNKNOWN_PART
    found.exported = set().union(*(s.exported for s in states))
    for state in others:
        found.functions = {**state.functions, **found.functions}
        found.made |= state.made
        found.opaque |= state.opaque
        found.left += tuple(row for row in state.left if row not in found.left)
        found.folder = found.folder if found.folder == state.folder else UNKNOWN_PART
        found.within = found.within if found.within == state.within else UNKNOWN_PART
        found.status = found.status if found.status == state.status else None
        found.arguments = found.arguments if found.arguments == state.arguments else None
        found.options &= state.options
    return found


def joined(folder: str, path: str) -> str:
    """A path as seen from a folder."""
    if UNKNOWN_PART in folder and not path.startswith("/"):
        return f"{UNKNOWN_PART}/{path}"
    return posixpath.normpath(posixpath.join(folder, path))


def within(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of these, or lies in one of them."""
    return any(path == each or path.startswith(f"{each.rstrip('/')}/") for each in folders)

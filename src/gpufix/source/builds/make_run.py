"""A Makefile as make would run it: the recipes that its targets lead to, with their variables.

Nothing is run. What only a run tells (the output of programs, names of files) is unknown; under a
condition that is not known every assignment leaves its variable unknown, and a recipe is unsure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, Protocol

from gpufix.frozen import Frozen
from gpufix.source.builds.make_functions import FUNCTIONS, Stops
from gpufix.source.builds.make_syntax import Line, arguments, lines, reference
from gpufix.source.builds.run import UNKNOWN_PART, Place

_DEEPEST, _STEPS, _LENGTH, _ALL = 40, 20_000, 1 << 16, 1 << 20
_QUOTED = re.compile(r"""(?:"([^"]*)"|'([^']*)')\s*(?:"([^"]*)"|'([^']*)')\s*""")


class Files(Protocol):
    """Where the texts of Makefiles come from."""

    def text(self, path: str) -> str | None:
        """The text of a file; None where nobody can tell."""
        ...


class MakeCommand(Frozen):
    """One line of a recipe. goal: by default it is run (""), else the target that leads to it."""

    text: str
    place: Place
    goal: str
    sure: bool


class MakeRun(Frozen):
    """What make would do. stopped: a message of $(error), or why nobody can tell the rest."""

    commands: tuple[MakeCommand, ...]
    stopped: str
    whole: bool


class _Variable(NamedTuple):
    value: str
    simple: bool  # expanded when it was set


class _Rule(NamedTuple):
    targets: list[str]
    needs: list[str]
    recipe: list[tuple[str, Place, bool]]


class _Make:
    def __init__(self, files: Files, environment: Mapping[str, str], given: Mapping[str, str]):
        self.files, self.environment, self.given = files, environment, given
        self.variables: dict[str, _Variable] = {}
        self.special: dict[str, dict[str, str]] = {}  # by target
        self.rules: list[_Rule] = []
        self.steps = self.written = 0
        self.whole = True
        self.stack: list[
            tuple[bool | None, bool]
        ] = []  # a condition, and whether a branch was taken

    # Variables

    def value(self, name: str, depth: int = 0) -> str:
        """What a reference to a variable stands for."""
        if name in self.given:
            return self.given[name]
        if name in self.variables:
            found = self.variables[name]
            return found.value if found.simple else self.expand(found.value, depth + 1)
        if name in _AUTOMATIC:
            return f"file.{_AUTOMATIC[name]}"
        if name in self.environment:
            return self.environment[name]
        return _BUILT_IN.get(name, "")

    def bound(self, name: str) -> _Variable | None:
        """What a function sets for a while, as it was."""
        return self.variables.get(name)

    def bind(self, name: str, value: str) -> None:
        """A variable of a function."""
        self.variables[name] = _Variable(value, True)

    def restore(self, name: str, before: _Variable | None) -> None:
        """A variable as it was."""
        if before is None:
            self.variables.pop(name, None)
        else:
            self.variables[name] = before

    def origin(self, name: str) -> str:
        """Where a variable was set, in make's words."""
        known = self.variables.get(name)
        if name in self.given:
            return "command line"
        if known is not None:
            return UNKNOWN_PART if UNKNOWN_PART in known.value else "file"
        if name in self.environment:
            return "environment"
        return "default" if name in _BUILT_IN else "undefined"

    def certain(self) -> bool:
        """Whether the line at hand is read for sure."""
        return all(verdict for verdict, _ in self.stack)

    def expand(self, text: str, depth: int = 0) -> str:
        """A text with its references in place. Raises Stops."""
        self.steps += 1
        if depth > _DEEPEST or self.steps > _STEPS or self.written > _ALL:
            self.whole = False
            return UNKNOWN_PART
        parts, at = [], 0
        while (found := text.find("$", at)) >= 0 and found + 1 < len(text):
            parts.append(text[at:found])
            sign = text[found + 1]
            if sign in "({":
                inside, at = reference(text, found + 1)
                parts.append(self._reference(inside, depth))
            else:
                parts.append("$" if sign == "$" else self.value(sign, depth))
                at = found + 2
        whole = "".join([*parts, text[at:]])
        self.written += len(whole)
        if len(whole) < _LENGTH and self.written < _ALL:
            return whole
        self.whole = False
        return UNKNOWN_PART

    def _reference(self, inside: str, depth: int) -> str:
        name, _, rest = inside.partition(" ")
        if name in FUNCTIONS:
            return FUNCTIONS[name](self, rest.lstrip(), depth + 1)
        named = self.expand(inside, depth + 1) if "$" in inside else inside
        name, colon, change = named.partition(":")
        if colon and "=" in change:
            old, _, new = change.partition("=")
            percent = "" if "%" in old else "%"
            return FUNCTIONS["patsubst"](
                self, f"{percent}{old},{percent}{new},{self.value(name, depth)}", depth + 1
            )
        return UNKNOWN_PART if UNKNOWN_PART in named else self.value(named, depth)

    # Lines

    def read(self, path: str, depth: int = 0) -> None:
        """What a file sets and makes. Raises Stops."""
        text = self.files.text(path)
        if text is None or depth > _DEEPEST:
            self.whole = False
            return
        rules: list[_Rule] = []
        for line in lines(text):
            self.steps += 1
            if line.kind == "condition":
                self._condition(*line.parts)
            elif False in (verdicts := [verdict for verdict, _ in self.stack]):
                continue
            elif line.kind == "recipe":
                for rule in rules:
                    rule.recipe.append(
                        (line.parts[0], Place(path, line.number), None not in verdicts)
                    )
            else:
                rules = self._line(line, path, None not in verdicts, depth) or []

    def _line(self, line: Line, path: str, sure: bool, depth: int) -> list[_Rule] | None:
        if line.kind == "assign":
            name, operator, value = line.parts
            self._assign(name, operator, value, sure)
        elif line.kind == "include":
            for name in self.expand(line.parts[1]).split():
                self._include(name, path, line.parts[0] == "include", depth)
        elif line.kind == "rule":
            return self._rule(line.parts[0], line.parts[1])
        elif line.kind == "call" and self.expand(line.parts[0]).strip():
            self.whole = False  # rules that a function makes
        return None

    def _include(self, name: str, path: str, needed: bool, depth: int) -> None:
        folder = path.rpartition("/")[0]
        joined = posixpath.normpath(f"{folder}/{name}" if folder else name)
        if UNKNOWN_PART in name or name.startswith("/") or joined.startswith("../"):
            self.whole = self.whole and not needed
            return
        if needed or self.files.text(joined) is not None:
            self.read(joined, depth + 1)

    def _assign(self, name: str, operator: str, value: str, sure: bool) -> None:
        name = self.expand(name)
        if UNKNOWN_PART in name:
            self.whole = False
            return
        known = self.variables.get(name)
        if operator == "?=":
            if known is not None or name in self.environment:
                return
            operator = "="
        if operator == "!=":
            value = UNKNOWN_PART
        if operator == "+=":
            before = known or _Variable(self.environment.get(name, ""), False)
            more = self.expand(value) if before.simple else value
            made = _Variable(f"{before.value} {more}" if before.value else more, before.simple)
        elif operator in (":=", "::=", ":::="):
            made = _Variable(self.expand(value), True)
        else:
            made = _Variable(value, False)
        if not sure and (known is None or known.value != made.value):
            made = _Variable(f"{known.value if known else ''} {UNKNOWN_PART}".strip(), True)
        self.variables[name] = made

    def _rule(self, targets: str, needs: str) -> list[_Rule]:
        names = list(dict.fromkeys(self.expand(targets).split()))
        if match := re.fullmatch(r"\s*([\w.-]+)\s*(:?:?=|\+=|\?=)\s*(.*)", needs, re.DOTALL):
            for name in names:
                own = self.special.setdefault(name, {})
                before = own.get(match[1], self.value(match[1])) if match[2] == "+=" else ""
                own[match[1]] = f"{before} {self.expand(match[3])}".strip()
            return []
        rule = _Rule(names, list(dict.fromkeys(self.expand(needs).replace("|", " ").split())), [])
        self.rules.append(rule)
        return [rule]

    # Conditions

    def _condition(self, word: str, rest: str) -> None:
        if word == "endif":
            if self.stack:
                self.stack.pop()
            return
        if word != "else":
            outer = False in [verdict for verdict, _ in self.stack]
            verdict = False if outer else self._holds(word, rest)
            self.stack.append((verdict, verdict is True))
            return
        if not self.stack:
            return
        verdict, taken = self.stack.pop()
        if False in [v for v, _ in self.stack] or taken:
            self.stack.append((False, taken))
            return
        word, _, rest = rest.strip().partition(" ")
        unsure = verdict is None
        now = self._holds(word, rest) if word.startswith("if") else True
        # Behind a branch that may have been taken, this one may not be.
        self.stack.append(
            (None if unsure and now is not False else now, now is True and not unsure)
        )

    def _holds(self, word: str, rest: str) -> bool | None:
        if word in ("ifdef", "ifndef"):
            name = self.expand(rest).strip()
            known = self.variables.get(name)
            there = bool(
                known.value if known else self.given.get(name) or self.environment.get(name)
            )
            if UNKNOWN_PART in name or (known is not None and known.value == UNKNOWN_PART):
                return None
            return there == (word == "ifdef")
        if word not in ("ifeq", "ifneq"):
            return None
        rest = rest.strip()
        if rest.startswith("("):
            sides = arguments(reference(rest, 0)[0], 2)
        elif match := _QUOTED.fullmatch(rest):
            sides = [match[1] or match[2] or "", match[3] or match[4] or ""]
        else:
            return None
        if len(sides) != 2:
            return None
        one, two = self.expand(sides[0].rstrip()), self.expand(sides[1].lstrip())
        if UNKNOWN_PART in one + two:
            return None
        return (one == two) == (word == "ifeq")

    # Recipes

    def commands(self) -> Iterator[MakeCommand]:
        """The recipes, those of the default goal first."""
        plain = [rule for rule in self.rules if rule.targets]
        first = next(
            (t for r in plain for t in r.targets if (t[0] != "." or "/" in t) and "%" not in t),
            None,
        )
        goals = dict.fromkeys([first, *(t for r in plain for t in r.targets if "%" not in t)])
        done: set[int] = set()
        for goal in filter(None, [self.value(".DEFAULT_GOAL"), *goals]):
            yield from self._made(
                goal, "" if goal in (first, self.value(".DEFAULT_GOAL")) else goal, done
            )
        for number, rule in enumerate(self.rules):
            if number not in done:
                yield from self._recipe(rule, rule.targets[0] if rule.targets else "?")

    def _made(self, goal: str, named: str, done: set[int]) -> Iterator[MakeCommand]:
        waiting, seen = [goal], {goal}
        for target in waiting:
            for number in self._makers(target):
                if number in done:
                    continue
                done.add(number)
                yield from self._recipe(self.rules[number], named)
                needs = [need for need in self.rules[number].needs if need not in seen]
                seen.update(needs)
                waiting += needs

    def _makers(self, target: str) -> list[int]:
        """The rules for a target, by their place."""
        exact, patterns = self._index
        self.steps += len(patterns)
        if self.steps > 10 * _STEPS:
            self.whole = False
            return []
        fitting = [number for number, pattern in patterns if _fits(target, pattern)]
        return [*exact.get(target, ()), *fitting]

    @cached_property
    def _index(self) -> tuple[dict[str, list[int]], list[tuple[int, str]]]:
        exact: dict[str, list[int]] = {}
        patterns = []
        for number, rule in enumerate(self.rules):
            for target in rule.targets:
                exact.setdefault(target, []).append(number)
                if "%" in target:
                    patterns.append((number, target))
        return exact, patterns

    def _recipe(self, rule: _Rule, goal: str) -> Iterator[MakeCommand]:
        own = {k: v for target in rule.targets for k, v in self.special.get(target, {}).items()}
        before = self.variables
        self.variables = {**before, **{name: _Variable(text, True) for name, text in own.items()}}
        for text, place, sure in rule.recipe:
            yield MakeCommand(self.expand(text), place, goal, sure)
        self.variables = before


def _fits(target: str, pattern: str) -> bool:
    before, _, after = pattern.partition("%")
    fits = target.startswith(before) and target.endswith(after)
    return fits and len(target) >= len(before) + len(after)


_AUTOMATIC = {
    "@": "o",
    "<": "cu",
    "^": "cu",
    "+": "cu",
    "?": "cu",
    "*": "x",
    "@D": "d",
    "@F": "o",
    "<D": "d",
    "<F": "cu",
}
_BUILT_IN = {
    "CC": "cc", "CXX": "g++", "AR": "ar", "RM": "rm -f", "MAKE": "make", "SHELL": "/bin/sh",
    "CURDIR": UNKNOWN_PART, "MAKEFILE_LIST": UNKNOWN_PART, "MAKEFLAGS": "", "PWD": UNKNOWN_PART,
}  # fmt: skip


def run_make(
    files: Files, path: str, environment: Mapping[str, str], given: Mapping[str, str] | None = None
) -> MakeRun:
    """The run of one Makefile. given: what a caller of make sets on its command line."""
    make = _Make(files, environment, given or {})
    try:
        make.read(path)
        commands = tuple(make.commands())
    except Stops as error:
        return MakeRun((), str(error), make.whole)
    return MakeRun(commands, "", make.whole)

"""The functions of make that can be told without a run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from gpufix.source.builds.make_syntax import arguments
from gpufix.source.builds.run import UNKNOWN_PART


class Make(Protocol):
    """The run that asks."""

    def expand(self, text: str, depth: int = 0) -> str:
        """A text with its references in place."""
        ...

    def value(self, name: str, depth: int = 0) -> str:
        """What a variable stands for."""
        ...

    def bound(self, name: str) -> Any:
        """A variable as it is."""
        ...

    def bind(self, name: str, value: str) -> None:
        """Sets one for a while."""
        ...

    def restore(self, name: str, before: Any) -> None:
        """A variable as it was."""
        ...

    def certain(self) -> bool:
        """Whether the line at hand is read for sure."""
        ...

    def origin(self, name: str) -> str:
        """Where a variable was set, in make's words."""
        ...


Function = Callable[[Make, str, int], str]
_MOST = 1_000  # rounds of one foreach
# Programs whose output names files and options for a compiler of C++, and no GPU.
_NEUTRAL = re.compile(
    r"\s*(?:pkg-config|uname|pwd|which|dirname|basename|realpath|date|git|nproc|ls|find|python3?(?:\.\d+)?-config)\b"
    r"|sysconfig|include_paths|library_paths|get_include|pybind11"
)
_FOUND = re.compile(r"\s*(?:which|command -v|type -p)\s+nvcc\b")
_OTHER = "..."  # stands for such an output


class Stops(Exception):
    """make ends here; says with which message."""


def _each(change: Callable[[str], str]) -> Function:
    def apply(make: Make, text: str, depth: int) -> str:
        return " ".join(filter(None, map(change, make.expand(text, depth).split())))

    return apply


def _of(count: int, compute: Callable[..., str]) -> Function:
    """A function of so many arguments, unknown where one of those before the last is."""

    def apply(make: Make, text: str, depth: int) -> str:
        given = [make.expand(part, depth) for part in arguments(text, count)]
        if len(given) < count or any(UNKNOWN_PART in part for part in given[:-1]):
            return UNKNOWN_PART
        return compute(*given)

    return apply


def _patsubst(old: str, new: str, text: str) -> str:
    before, percent, after = old.strip().partition("%")
    found = []
    for word in text.split():
        if not percent:
            found.append(new if word == old else word)
        elif (
            len(word) >= len(before) + len(after)
            and word.startswith(before)
            and word.endswith(after)
        ):
            stem = word[len(before) : len(word) - len(after)]
            found.append(new.replace("%", stem, 1))
        else:
            found.append(word)
    return " ".join(found)


def _filtered(patterns: str, text: str, keep: bool) -> str:
    tests = [re.escape(p).replace("%", ".*", 1) for p in patterns.split()]
    fits = re.compile("|".join(f"(?:{test})" for test in tests) or r"(?!)").fullmatch
    return " ".join(word for word in text.split() if (fits(word) is not None) == keep)


def _shell(make: Make, text: str, depth: int) -> str:
    command = make.expand(text, depth)
    if _FOUND.match(command):
        return "nvcc"
    return _OTHER if _NEUTRAL.search(command) else UNKNOWN_PART


def _if(make: Make, text: str, depth: int) -> str:
    test, *branches = arguments(text, 3)
    verdict = make.expand(test.strip(), depth)
    if verdict.strip() == UNKNOWN_PART:
        return UNKNOWN_PART
    chosen = branches[:1] if verdict.strip() else branches[1:]
    return make.expand(chosen[0], depth) if chosen else ""


def _or(make: Make, text: str, depth: int) -> str:
    return next(filter(None, (make.expand(p.strip(), depth) for p in arguments(text))), "")


def _and(make: Make, text: str, depth: int) -> str:
    found = [make.expand(part.strip(), depth) for part in arguments(text)]
    return found[-1] if all(found) else ""


def _foreach(make: Make, text: str, depth: int) -> str:
    parts = arguments(text, 3)
    if len(parts) < 3:
        return UNKNOWN_PART
    name, items = (make.expand(part, depth).strip() for part in parts[:2])
    before, found = make.bound(name), []
    for item in items.split()[:_MOST]:
        make.bind(name, item)
        found.append(make.expand(parts[2], depth))
    make.restore(name, before)
    return " ".join(found)


def _call(make: Make, text: str, depth: int) -> str:
    name, *given = (make.expand(part, depth) for part in arguments(text))
    before = [(str(n), make.bound(str(n))) for n in range(len(given) + 1)]
    for number, value in enumerate([name, *given]):
        make.bind(str(number), value)
    found = make.value(name.strip(), depth)
    for bound, old in before:
        make.restore(bound, old)
    return found


def _stops(make: Make, text: str, depth: int) -> str:
    if make.certain():
        raise Stops(make.expand(text, depth))
    return ""


def _word(number: str, text: str) -> str:
    words = text.split()
    at = int(number) if number.strip().isdigit() else 0
    return words[at - 1] if 0 < at <= len(words) else ""


def _origin(make: Make, text: str, depth: int) -> str:
    name = make.expand(text, depth).strip()
    return UNKNOWN_PART if UNKNOWN_PART in name else make.origin(name)


FUNCTIONS: Mapping[str, Function] = {
    "subst": _of(3, lambda old, new, text: text.replace(old, new)),
    "patsubst": _of(3, _patsubst),
    "filter": _of(2, lambda patterns, text: _filtered(patterns, text, True)),
    "filter-out": _of(2, lambda patterns, text: _filtered(patterns, text, False)),
    "findstring": _of(2, lambda part, text: part if part in text else ""),
    "strip": _of(1, lambda text: " ".join(text.split())),
    "sort": _of(1, lambda text: " ".join(sorted(set(text.split())))),
    "firstword": _of(1, lambda text: " ".join(text.split()[:1])),
    "lastword": _of(1, lambda text: " ".join(text.split()[-1:])),
    "words": _of(1, lambda text: UNKNOWN_PART if UNKNOWN_PART in text else str(len(text.split()))),
    "word": _of(2, _word),
    "addprefix": _of(2, lambda before, text: " ".join(before + word for word in text.split())),
    "addsuffix": _of(2, lambda after, text: " ".join(word + after for word in text.split())),
    "dir": _each(lambda word: f"{posixpath.dirname(word) or '.'}/"),
    "notdir": _each(posixpath.basename),
    "basename": _each(lambda word: posixpath.splitext(word)[0]),
    "suffix": _each(lambda word: posixpath.splitext(word)[1]),
    "abspath": _each(lambda word: word),
    "realpath": _each(lambda word: word),
    "wildcard": lambda *_: "file.cu",
    "shell": _shell,
    "if": _if,
    "or": _or,
    "and": _and,
    "foreach": _foreach,
    "call": _call,
    "error": _stops,
    "warning": lambda *_: "",
    "info": lambda *_: "",
    "eval": lambda *_: UNKNOWN_PART,
    "value": lambda *_: UNKNOWN_PART,
    "origin": _origin,
    "file": lambda *_: UNKNOWN_PART,
}

"""if() and while(): true, false, or unknown. cmake-commands(7), "if"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from gpufix.source.builds.cmake_patterns import search
from gpufix.source.builds.cmake_store import Value
from gpufix.source.builds.cmake_words import Word, elements
from gpufix.source.builds.run import UNKNOWN_PART

_TRUE = {"1", "ON", "YES", "TRUE", "Y"}
_FALSE = {"0", "OFF", "NO", "FALSE", "N", "IGNORE", "NOTFOUND", ""}
_UNARY = {"EXISTS", "COMMAND", "DEFINED", "TARGET", "TEST", "POLICY", "IS_DIRECTORY", "IS_SYMLINK"}
_UNARY |= {"IS_ABSOLUTE", "IS_READABLE", "IS_WRITABLE", "IS_EXECUTABLE"}
_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "EQUAL": lambda a, b: a == b,
    "LESS": lambda a, b: a < b,
    "GREATER": lambda a, b: a > b,
    "LESS_EQUAL": lambda a, b: a <= b,
    "GREATER_EQUAL": lambda a, b: a >= b,
}
_BINARY = {"MATCHES", "IN_LIST", "IS_NEWER_THAN", "PATH_EQUAL", *_NUMERIC}
_BINARY |= {f"STR{name}" for name in _NUMERIC} | {f"VERSION_{name}" for name in _NUMERIC}
_DEEPEST = 60  # parentheses


class Asked(Protocol):
    """What a condition asks of the run."""

    def read(self, name: str) -> Value:
        """A variable."""
        ...

    def read_env(self, name: str) -> Value:
        """An environment variable."""
        ...

    def read_cache(self, name: str) -> Value:
        """A cache entry."""
        ...

    def is_new(self, policy: str, since: tuple[int, int]) -> bool:
        """Whether a policy is NEW."""
        ...

    def test(self, operator: str, text: str) -> bool | None:
        """EXISTS, COMMAND, TARGET, POLICY … of something."""
        ...

    def matched(self, groups: Sequence[str] | None) -> None:
        """What MATCHES leaves behind; None: not known."""
        ...


def constant(text: str) -> bool | None:
    """Whether a text is one of the constants, and which."""
    upper = text.upper()
    if upper in _TRUE:
        return True
    if upper in _FALSE or upper.endswith("-NOTFOUND"):
        return False
    if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        return float(text) != 0
    return None


def is_off(text: str) -> bool:
    """Whether a variable's text is false."""
    return text.upper() in _FALSE or text.upper().endswith("-NOTFOUND")


class Condition:
    """One condition. A damaged one, which ends a configure, is unknown."""

    def __init__(self, words: Sequence[Word], run: Asked) -> None:
        self._words = list(words)
        self._run = run
        self._at = 0
        self._depth = 0

    def holds(self) -> bool | None:
        """Its value. An argument that may be none or several leaves its operand unknown."""
        verdict = self._joined()
        return verdict if self._at >= len(self._words) else None

    def _joined(self) -> bool | None:
        """AND and OR, from left to right."""
        verdict = self._not()
        while True:
            if self._takes("AND"):
                pair = (verdict, self._not())
                verdict = False if False in pair else None if None in pair else True
            elif self._takes("OR"):
                pair = (verdict, self._not())
                verdict = True if True in pair else None if None in pair else False
            else:
                return verdict

    def _not(self) -> bool | None:
        negated = False
        while self._takes("NOT"):
            negated = not negated
        verdict = self._operand()
        return verdict if verdict is None or not negated else not verdict

    def _takes(self, keyword: str) -> bool:
        if self._at < len(self._words) and self._keyword(self._at) == keyword:
            self._at += 1
            return True
        return False

    def _keyword(self, at: int) -> str:
        """A word that may be an operator: a quoted one is none (CMP0054)."""
        if at >= len(self._words):
            return ""
        word = self._words[at]
        return "" if word.quoted and self._run.is_new("CMP0054", (3, 1)) else word.text

    def _operand(self) -> bool | None:
        if self._at >= len(self._words):
            return None
        word, self._at = self._words[self._at], self._at + 1
        following = self._keyword(self._at)
        if self._keyword(self._at - 1) == "(" and not word.quoted:
            return self._parenthesis()
        if (
            self._keyword(self._at - 1) in _UNARY
            and self._at < len(self._words)
            and following not in (")",)
        ):
            subject, self._at = self._words[self._at], self._at + 1
            return self._unary(word.text, subject)
        if following in _BINARY and self._at + 1 < len(self._words):
            right = self._words[self._at + 1]
            self._at += 2
            return self._binary(word, following, right)
        return self._truth(word)

    def _parenthesis(self) -> bool | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._at = len(self._words) + 1
            return None
        verdict = self._joined()
        closed = self._takes(")")
        self._depth -= 1
        return verdict if closed else None

    def _truth(self, word: Word) -> bool | None:
        if not word.known:
            return None
        verdict = constant(word.text)
        if verdict is not None:
            settled = word.text in ("0", "1", "") or self._run.is_new("CMP0012", (2, 8))
            return verdict if settled else None
        if word.quoted and self._run.is_new("CMP0054", (3, 1)):
            return False
        found = self._run.read(word.text)
        if found.defined is False:
            return False
        if not found.known:
            return None
        return not is_off(found.text)

    def _unary(self, operator: str, subject: Word) -> bool | None:
        if not subject.known:
            return None
        if operator != "DEFINED":
            return self._run.test(operator, subject.text)
        special = re.fullmatch(r"(ENV|CACHE)\{(.*)\}", subject.text, re.DOTALL)
        if special and special[1] == "ENV":
            return self._run.read_env(special[2]).defined
        if special:
            return self._run.read_cache(special[2]).defined
        return self._run.read(subject.text).defined

    def _binary(self, left: Word, operator: str, right: Word) -> bool | None:
        if operator == "IN_LIST":
            return self._in_list(left, right)
        one = self._dereferenced(left)
        if operator == "MATCHES":
            return self._matches(one, right)
        two = self._dereferenced(right)
        if one is None or two is None or operator in ("IS_NEWER_THAN", "PATH_EQUAL"):
            return None
        return compared(one, operator, two)

    def _dereferenced(self, word: Word) -> str | None:
        """The text that an operand stands for: of the variable that it names, where one is defined."""
        if not word.known:
            return None
        if word.quoted and self._run.is_new("CMP0054", (3, 1)):
            return word.text
        found = self._run.read(word.text)
        if found.defined is False:
            return word.text
        return found.text if found.known else None

    def _in_list(self, left: Word, right: Word) -> bool | None:
        one = self._dereferenced(left)
        found = self._run.read(right.text) if right.known else None
        if one is None or found is None or found.defined is None:
            return None
        items = elements(found.text)
        if one in items:
            return True
        return None if UNKNOWN_PART in found.text else False

    def _matches(self, one: str | None, right: Word) -> bool | None:
        if one is None or not right.known:
            self._run.matched(None)
            return None
        found = search(right.text, one)
        if found is None:
            self._run.matched(None)
            return None
        self._run.matched(found)
        return bool(found)


def compared(one: str, operator: str, two: str) -> bool | None:
    """Two known texts by an operator."""
    if operator.startswith("VERSION_"):
        left, right = release(one), release(two)
        length = max(len(left), len(right))
        pair = [[*row, *[0] * (length - len(row))] for row in (left, right)]
        order = (pair[0] > pair[1]) - (pair[0] < pair[1])
        return _NUMERIC[operator.removeprefix("VERSION_")](order, 0)
    if operator.startswith("STR"):
        return _NUMERIC[operator.removeprefix("STR")]((one > two) - (one < two), 0)
    left_number, right_number = _number(one), _number(two)
    if left_number is None or right_number is None:
        return False
    return _NUMERIC[operator](left_number, right_number)


def _number(text: str) -> float | None:
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text)
    return float(found[0]) if found else None


def release(text: str) -> list[int]:
    """A version's numbers, up to the first part that is none."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return [int(part[:18]) for part in found[0].split(".")] if found else [0]

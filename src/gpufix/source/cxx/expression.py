"""Preprocessor expressions in three values: true, false, and unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping

# name -> value; None = known not to be defined; no entry = nothing is known of it.
Macros = Mapping[str, int | None]
Value = int | None  # None = unknown

_TOKEN = re.compile(r"\s*(0[xX][0-9a-fA-F']+|\d[\d']*|[A-Za-z_]\w*|&&|\|\||<<|>>|[<>=!]=|\S)")
_STRENGTH = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip
_DEPTH = 60
_TOKENS = 2_000


class _Unreadable(Exception):
    """Not an expression that is understood here."""


def evaluate(
    expression: str, macros: Macros, defined_here: Mapping[str, str] | None = None
) -> bool | None:
    """What `#if expression` decides; None = unknown.

    `defined_here` are object-like macros of the same file: name -> body.
    """
    try:
        value = _Parser(expression, macros, defined_here or {}, 0).all()
    except _Unreadable:
        return None
    return None if value is None else bool(value)


class _Parser:
    def __init__(self, text: str, macros: Macros, local: Mapping[str, str], depth: int) -> None:
        self.tokens = _TOKEN.findall(text)
        if len(self.tokens) > _TOKENS or depth > 8:
            raise _Unreadable
        self.position = 0
        self.macros, self.local = macros, local
        self.depth = depth
        self.nesting = 0

    def all(self) -> Value:
        value = self.level(1)
        if self.peek() == "?":
            return None
        if self.position != len(self.tokens):
            raise _Unreadable
        return value

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.position += 1
        return token

    def level(self, weakest: int) -> Value:
        """Operands joined by operators of this strength or more."""
        value = self.unary()
        while (strength := _STRENGTH.get(operator := self.peek(), 0)) >= weakest:
            self.position += 1
            value = _apply(operator, value, self.level(strength + 1))
        return value

    def unary(self) -> Value:
        self.nesting += 1
        if self.nesting > _DEPTH:
            raise _Unreadable
        try:
            token = self.take()
            if token in ("!", "-", "+", "~"):
                return _prefix(token, self.unary())
            if token == "(":
                value = self.level(1)
                if self.take() != ")":
                    raise _Unreadable
                return value
            if token[:1].isdigit():
                return _number(token.replace("'", ""))
            if token == "defined":
                return self.is_defined()
            return self.name(token)
        finally:
            self.nesting -= 1

    def is_defined(self) -> Value:
        bracket = self.peek() == "("
        self.position += bracket
        name = self.take()
        if bracket and self.take() != ")":
            raise _Unreadable
        if name in self.macros:
            return int(self.macros[name] is not None)
        return 1 if name in self.local else None

    def name(self, name: str) -> Value:
        if not name[:1].isalpha() and name[:1] != "_":
            raise _Unreadable
        if self.peek() == "(":
            self.skip_call()
            return None
        if name in self.macros:
            return self.macros[name] or 0
        if name in ("true", "false"):
            return int(name == "true")
        if name in self.local:
            return _Parser(self.local[name], self.macros, self.local, self.depth + 1).all()
        return None

    def skip_call(self) -> None:
        open_brackets = 0
        while token := self.take():
            open_brackets += (token == "(") - (token == ")")
            if not open_brackets:
                return
        raise _Unreadable


def _number(token: str) -> int:
    try:
        return int(token, 0 if token[:2] in ("0x", "0X") else 10)
    except ValueError:  # "²", or thousands of digits
        raise _Unreadable from None


def _prefix(operator: str, value: Value) -> Value:
    if value is None:
        return None
    return {"!": int(not value), "-": -value, "+": value, "~": ~value}[operator]


def _apply(operator: str, left: Value, right: Value) -> Value:
    if operator == "&&":
        known = [v for v in (left, right) if v is not None]
        return 0 if 0 in known else (1 if len(known) == 2 else None)
    if operator == "||":
        known = [v for v in (left, right) if v is not None]
        return 1 if any(known) else (0 if len(known) == 2 else None)
    if left is None or right is None:
        return None
    return _arithmetic(operator, left, right)


def _arithmetic(operator: str, left: int, right: int) -> Value:
    if operator in ("/", "%"):
        if not right:
            return None
        return left // right if operator == "/" else left % right
    if operator in ("<<", ">>"):
        if not 0 <= right < 64 or abs(left) >> 64:
            return None
        return left << right if operator == "<<" else left >> right
    results = {
        "|": left | right,
        "^": left ^ right,
        "&": left & right,
        "==": left == right,
        "!=": left != right,
        "<": left < right,
        ">": left > right,
        "<=": left <= right,
        ">=": left >= right,
        "+": left + right,
        "-": left - right,
    }
    if operator == "*":
        return left * right if abs(left) < 1 << 64 and abs(right) < 1 << 64 else None
    return int(results[operator])

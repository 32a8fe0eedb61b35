"""$((…)): whole numbers, as far as they can be told."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|\d+)|([A-Za-z_]\w*)|(<<=|>>=|\*\*|\+\+|--|&&|\|\||<<|>>|<=|>=|==|!="
    r"|[-+*/%&|^]=|[-+*/%<>=!~&|^?:(),]))"
)
_LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="),
    ("<<", ">>"), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
_LARGEST, _DEEPEST, _LONGEST = 2**63, 40, 400


class NotANumber(ValueError):
    """Only a run would tell, or bash would refuse it."""


def value(text: str, get: Callable[[str], str | None], put: Callable[[str, str], None]) -> int:
    """The value of an expression in which $NAME is expanded. Raises NotANumber."""
    if len(text) > _LONGEST or "\0" in text:
        raise NotANumber(text)
    return _Reader(text, get, put).whole()


class _Reader:
    def __init__(
        self, text: str, get: Callable[[str], str | None], put: Callable[[str, str], None]
    ) -> None:
        self._get, self._put, self._depth = get, put, 0
        self._tokens: list[str] = []
        at = 0
        text = text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise NotANumber(text)
            self._tokens.append(found.group().strip())
            at = found.end()
        self._at = 0

    def whole(self) -> int:
        if not self._tokens:
            return 0
        found = self._comma()
        if self._at < len(self._tokens):
            raise NotANumber(self._tokens[self._at])
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *tokens: str) -> str:
        found = self._peek()
        if found and found in tokens:
            self._at += 1
            return found
        return ""

    def _comma(self) -> int:
        found = self._assigned()
        while self._take(","):
            found = self._assigned()
        return found

    def _assigned(self) -> int:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotANumber("nested too deeply")
        try:
            name, operator = self._peek(), "".join(self._tokens[self._at + 1 : self._at + 2])
            if re.match(r"[A-Za-z_]", name) and operator.endswith("=") and operator not in (
                "==", "<=", ">=", "!=",
            ):  # fmt: skip
                self._at += 2
                right = self._assigned()
                if operator != "=":
                    right = _calculated(operator[:-1], self._variable(name), right)
                self._put(name, str(right))
                return right
            return self._choice()
        finally:
            self._depth -= 1

    def _choice(self) -> int:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self._assigned()
        if not self._take(":"):
            raise NotANumber("?")
        no = self._assigned()
        return yes if condition else no

    def _binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._power()
        left = self._binary(level + 1)
        while operator := self._take(*_LEVELS[level]):
            left = _calculated(operator, left, self._binary(level + 1))
        return left

    def _power(self) -> int:
        left = self._unary()
        if self._take("**"):
            right = self._power()
            if not 0 <= right <= 62:
                raise NotANumber("**")
            return _bounded(left**right)
        return left

    def _unary(self) -> int:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotANumber("nested too deeply")
        try:
            return self._operand()
        finally:
            self._depth -= 1

    def _operand(self) -> int:
        if operator := self._take("!", "-", "+", "~"):
            right = self._unary()
            return {"!": int(not right), "-": -right, "+": right, "~": ~right}[operator]
        if step := self._take("++", "--"):
            name = self._peek()
            self._at += 1
            found = self._variable(name) + (1 if step == "++" else -1)
            self._put(name, str(found))
            return found
        if self._take("("):
            found = self._comma()
            if not self._take(")"):
                raise NotANumber(")")
            return found
        token = self._peek()
        self._at += 1
        if token[:1].isdigit():
            return _number(token)
        if not re.match(r"[A-Za-z_]", token):
            raise NotANumber(token or "nothing")
        found = self._variable(token)
        if step := self._take("++", "--"):
            self._put(token, str(found + (1 if step == "++" else -1)))
        return found

    def _variable(self, name: str) -> int:
        text = self._get(name)
        if text is None or "\0" in text:
            raise NotANumber(name)
        text = text.strip()
        return _number(text) if text else 0


def _number(text: str) -> int:
    found = re.fullmatch(r"(-?)(0[xX][0-9a-fA-F]{1,15}|\d{1,18})", text)
    if found is None:
        raise NotANumber(text)
    digits = found[2]
    base = 16 if digits[:2] in ("0x", "0X") else 8 if len(digits) > 1 and digits[0] == "0" else 10
    try:
        number = int(digits, base)
    except ValueError:
        raise NotANumber(text) from None
    return -number if found[1] else number


def _bounded(number: int) -> int:
    if abs(number) >= _LARGEST:
        raise NotANumber("too large")
    return number


def _calculated(operator: str, left: int, right: int) -> int:
    if operator in ("/", "%"):
        if not right:
            raise NotANumber("division by 0")
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if operator == "/" else left - right * quotient
    if operator in ("<<", ">>") and not 0 <= right < 63:
        raise NotANumber(operator)
    simple: dict[str, Callable[[int, int], int]] = {
        "+": int.__add__, "-": int.__sub__, "*": int.__mul__, "<<": int.__lshift__,
        ">>": int.__rshift__, "&": int.__and__, "|": int.__or__, "^": int.__xor__,
        "<": int.__lt__, ">": int.__gt__, "<=": int.__le__, ">=": int.__ge__,
        "==": int.__eq__, "!=": int.__ne__,
        "&&": lambda a, b: int(bool(a and b)), "||": lambda a, b: int(bool(a or b)),
    }  # fmt: skip
    return _bounded(int(simple[operator](left, right)))

"""[ … ], test and [[ … ]]: true, false, or None where only a run would tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gpufix.source.builds import shell_arithmetic
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_state import joined
from gpufix.source.builds.shell_syntax import Word

if TYPE_CHECKING:
    from gpufix.source.builds.shell_core import ShellCore

Answer = bool | None
_DEEPEST = 30
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": int.__eq__, "-ne": int.__ne__, "-lt": int.__lt__, "-le": int.__le__, "-gt": int.__gt__,
    "-ge": int.__ge__,
}  # fmt: skip
_UNARY = frozenset("-" + letter for letter in "abcdefghkprstuvwxzGLNOSRno")
_BINARY = frozenset((*_NUMBERS, "=", "==", "!=", "<", ">", "-nt", "-ot", "-ef"))


def negated(answer: Answer) -> Answer:
    """not, in three values."""
    return None if answer is None else not answer


def both(left: Answer, right: Answer) -> Answer:
    """and."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: Answer, right: Answer) -> Answer:
    """or."""
    return negated(both(negated(left), negated(right)))


class SingleTest:
    """The arguments of test."""

    def __init__(self, run: ShellCore, words: Sequence[str]) -> None:
        self._run, self._words, self._at = run, list(words), 0

    def answer(self) -> Answer:
        words = self._words
        if not words:
            return False
        if len(words) == 1:
            return _filled(words[0])
        if len(words) == 2 and words[0] == "!":
            return negated(_filled(words[1]))
        if len(words) == 3 and words[1] in _BINARY:
            return binary(self._run, words[0], words[1], words[2])
        found = self._either(0)
        return found if self._at == len(words) else None

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._words[at] if at < len(self._words) else ""

    def _either(self, depth: int) -> Answer:
        left = self._both(depth)
        while self._peek() == "-o":
            self._at += 1
            left = either(left, self._both(depth))
        return left

    def _both(self, depth: int) -> Answer:
        left = self._one(depth)
        while self._peek() == "-a":
            self._at += 1
            left = both(left, self._one(depth))
        return left

    def _one(self, depth: int) -> Answer:
        if depth > _DEEPEST or self._at >= len(self._words):
            self._at = len(self._words) + 1
            return None
        word = self._peek()
        if self._peek(1) in _BINARY and self._at + 2 < len(self._words):
            self._at += 3
            return binary(self._run, word, self._peek(-2), self._peek(-1))
        if word == "!":
            self._at += 1
            return negated(self._one(depth + 1))
        if word == "(":
            self._at += 1
            found = self._either(depth + 1)
            self._at += self._peek() == ")"
            return found
        if word in _UNARY and self._at + 1 < len(self._words):
            self._at += 2
            return unary(self._run, word, self._peek(-1))
        self._at += 1
        return _filled(word)


class DoubleTest:
    """The tokens of [[ ]]."""

    def __init__(self, run: ShellCore, tokens: Sequence[str | Word]) -> None:
        self._run, self._tokens, self._at = run, tokens, 0

    def answer(self) -> Answer:
        found = self._either(0)
        return found if self._at == len(self._tokens) else None

    def _peek(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        return token if isinstance(token, str) else _raw(token)

    def _either(self, depth: int) -> Answer:
        left = self._both(depth)
        while self._peek() == "||":
            self._at += 1
            left = either(left, self._both(depth))
        return left

    def _both(self, depth: int) -> Answer:
        left = self._one(depth)
        while self._peek() == "&&":
            self._at += 1
            left = both(left, self._one(depth))
        return left

    def _one(self, depth: int) -> Answer:
        if depth > _DEEPEST or self._at >= len(self._tokens):
            self._at = len(self._tokens) + 1
            return None
        token, text = self._tokens[self._at], self._peek()
        self._at += 1
        if text == "!":
            return negated(self._one(depth + 1))
        if token == "(":
            found = self._either(depth + 1)
            self._at += self._peek() == ")"
            return found
        follows = self._tokens[self._at] if self._at < len(self._tokens) else None
        if text in _UNARY and isinstance(follows, Word) and self._peek() not in _COMPARES:
            self._at += 1
            return unary(self._run, text, self._run.expander.text(follows))
        if self._peek() not in _COMPARES or isinstance(token, str):
            return None if isinstance(token, str) else _filled(self._run.expander.text(token))
        return self._compared(token)

    def _compared(self, left: Word) -> Answer:
        operator = self._peek()
        right = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
        self._at += 2
        if not isinstance(right, Word):
            return None
        text = self._run.expander.text(left)
        if operator in ("=", "==", "!="):
            found = self._run.match(self._run.expander.pattern(right), text)
            return negated(found) if operator == "!=" else found
        if operator == "=~":
            return self._run.search(self._run.expander.regular(right), text)
        return binary(self._run, text, operator, self._run.expander.text(right))


_COMPARES = _BINARY | {"=~"}


def _raw(word: Word) -> str:
    return "".join(getattr(part, "text", "\0") for part in word.parts)


def _filled(text: str) -> Answer:
    if not text:
        return False
    return None if not text.replace(UNKNOWN_PART, "") else True


def binary(run: ShellCore, left: str, operator: str, right: str) -> Answer:
    """Two operands of test."""
    if operator in _NUMBERS:
        try:
            return _NUMBERS[operator](run.expander.number(left), run.expander.number(right))
        except shell_arithmetic.NotANumber:
            return None
    if operator in ("-nt", "-ot", "-ef"):
        return None
    if UNKNOWN_PART in left or UNKNOWN_PART in right:
        same = _same(left, right)
        return negated(same) if operator == "!=" else same if operator in ("=", "==") else None
    if operator in ("=", "=="):
        return left == right
    return left != right if operator == "!=" else left < right if operator == "<" else left > right


def _same(left: str, right: str) -> Answer:
    """Two texts with unknown parts: different where what is known before them is."""
    for a, b in zip(left, right, strict=False):
        if UNKNOWN_PART in (a, b):
            return None
        if a != b:
            return False
    return None


def unary(run: ShellCore, operator: str, operand: str) -> Answer:
    """One operand of test."""
    if operator in ("-n", "-z"):
        found = _filled(operand)
        return negated(found) if operator == "-z" else found
    if operator == "-v":
        value = run.lookup(operand)
        return None if value == UNKNOWN_PART else value is not None
    if operator in ("-t", "-p", "-S", "-b", "-c", "-o", "-N", "-G", "-O", "-k", "-u", "-g", "-R"):
        return None
    if UNKNOWN_PART in operand:
        return None
    if not operand:
        return False
    path = joined(run.state.folder, operand)
    if operator in ("-L", "-h"):
        return None if run.exists(path) is not False else False
    found = run.exists(path)
    if found and operator in ("-d", "-f"):
        folder = run.is_folder(path)
        return folder if operator == "-d" else negated(folder)
    return None if found and operator in ("-s", "-w") else found

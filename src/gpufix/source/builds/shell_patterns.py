"""Patterns of the shell, of grep and of sed, matched in bounded time."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from math import factorial

from gpufix.source.builds.run import UNKNOWN_PART

_LONGEST = 1024  # characters of a text or pattern
_STEPS = 2_000_000  # of a regular expression, at the worst


_SPECIAL = re.compile(r"[*?\[\\(\0]")


def matches(pattern: str, text: str) -> bool | None:
    """Whether a pattern of the shell matches a whole text; None: only a run would tell.

    A backslash takes a character for itself.
    """
    if not _SPECIAL.search(pattern) and UNKNOWN_PART not in text:
        return pattern == text
    if len(pattern) > _LONGEST or len(text) > _LONGEST:
        return None
    tokens = _tokens(pattern)
    if tokens is None:
        return None
    if UNKNOWN_PART in text or UNKNOWN_PART in pattern:
        return _unknown(tokens, text)
    if tokens and tokens[0][0] == "\\" and not text.startswith(tokens[0][1]):
        return False  # most names of a folder
    if tokens and tokens[-1][0] == "\\" and not text.endswith(tokens[-1][1]):
        return False
    return _matches(tokens, text)


def _unknown(tokens: list[str], text: str) -> bool | None:
    """A match with a text that is not known whole: what comes before decides at most."""
    if tokens == ["*"]:
        return True
    for index, token in enumerate(tokens):
        if index >= len(text):
            return None
        char = text[index]
        if UNKNOWN_PART in (char, token) or token == "*":
            return None
        if not _fits(token, char):
            return False
    return None if UNKNOWN_PART in text[len(tokens) :] else False


@lru_cache(maxsize=256)
def _tokens(pattern: str) -> list[str] | None:
    """Each a character (with a backslash before it), "?", "*" or "[…]"; None: an extended one."""
    found, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        if char in "?*+@!" and pattern.startswith("(", at + 1):
            return None
        if char == "\\" and at + 1 < len(pattern):
            found.append(pattern[at : at + 2])
            at += 2
        elif char == "[" and (end := _set_end(pattern, at)):
            found.append(pattern[at:end])
            at = end
        else:
            if char not in "?*":
                char = "\\" + char if char != UNKNOWN_PART else char
            if char != "*" or found[-1:] != ["*"]:
                found.append(char)
            at += 1
    return found


def _set_end(pattern: str, at: int) -> int:
    """Where [ … ] ends, 0 where it does not."""
    first = at + 1 + pattern.startswith(("!", "^"), at + 1)
    end = pattern.find("]", first + 1)
    while end > 0 and pattern.rfind("[:", first, end) > pattern.rfind(":]", first, end):
        end = pattern.find("]", end + 1)
    return end + 1


_CLASSES: dict[str, Callable[[str], bool]] = {
    "digit": str.isdigit, "alpha": str.isalpha, "alnum": str.isalnum, "space": str.isspace,
    "upper": str.isupper, "lower": str.islower, "punct": lambda c: not c.isalnum() and c.isprintable(),
}  # fmt: skip


def _fits(token: str, char: str) -> bool:
    if token == "?":
        return True
    if token[0] == "\\":
        return token[1] == char
    body = token[1:-1]
    negated = body.startswith(("!", "^"))
    body = body[1:] if negated else body
    classes = re.findall(r"\[:(\w+):\]", body)
    found = any(name in _CLASSES and _CLASSES[name](char) for name in classes)
    body = re.sub(r"\[:\w+:\]", "", body)
    at = 0
    while at < len(body) and not found:
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            found = body[at] <= char <= body[at + 2]
            at += 3
        else:
            found = body[at] == char
            at += 1
    return found != negated


def _matches(tokens: list[str], text: str) -> bool:
    at = place = 0
    star, mark = -1, 0
    while place < len(text):
        if at < len(tokens) and tokens[at] == "*":
            star, mark = at, place
            at += 1
        elif at < len(tokens) and _fits(tokens[at], text[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return all(token == "*" for token in tokens[at:])


def stripped(text: str, pattern: str, end: bool, longest: bool) -> str | None:
    """${text#pattern}, %, ## or %%; None: only a run would tell."""
    if UNKNOWN_PART in text or UNKNOWN_PART in pattern or len(text) > _LONGEST:
        return None
    cuts: list[int] = list(range(len(text) + 1))
    if end != longest:  # the shortest at the end, the longest at the beginning: from the right
        cuts.reverse()
    tokens = _tokens(pattern)
    if tokens is None or len(text) * len(tokens) > 100_000:
        return None
    for cut in cuts:
        part = text[cut:] if end else text[:cut]
        if _matches(tokens, part):
            return text[:cut] if end else text[cut:]
    return text


def replaced(text: str, pattern: str, new: str, every: bool, anchor: str) -> str | None:
    """${text/pattern/new}; anchor: "#" at the beginning, "%" at the end."""
    if UNKNOWN_PART in text + pattern or len(text) > 1024:
        return None
    tokens = _tokens(pattern)
    if tokens is None or not tokens or len(text) ** 2 * len(tokens) > 4_000_000:
        return None
    out, at = "", 0
    while at <= len(text):
        end = _longest(tokens, text, at) if not anchor or (anchor == "#" and not at) else -1
        if anchor == "%":
            end = len(text) if _matches(tokens, text[at:]) else -1
        if end <= at:
            out += text[at : at + 1]
            at += 1
            continue
        out, at = out + new, end
        if not every:
            break
    return out + text[at:]


def _longest(tokens: list[str], text: str, at: int) -> int:
    return next((e for e in range(len(text), at, -1) if _matches(tokens, text[at:e])), -1)


def regular(pattern: str, basic: bool, longest: int) -> re.Pattern[str] | None:
    """A regular expression of grep, sed or =~ as Python's; None when it may take long, or differs.

    longest: characters of a line that it is to be tried on.
    """
    if UNKNOWN_PART in pattern or len(pattern) > 300:
        return None
    translated = _translated(pattern, basic)
    if translated is None:
        return None
    if re.search(r"\)[*+{]", translated) or effort(translated, longest) > _STEPS:
        return None
    try:
        return re.compile(translated)
    except (re.error, OverflowError, RecursionError):
        return None


def effort(pattern: str, longest: int) -> int:
    """The steps that a search in a line takes at the worst."""
    repeats = min(9, max(1, len(re.findall(r"[*+?{]", pattern))))
    return int(max(4, longest) ** repeats) // factorial(repeats)


def _translated(pattern: str, basic: bool) -> str | None:
    out, at = "", 0
    while at < len(pattern):
        char, after = pattern[at], pattern[at + 1 : at + 2]
        if char == "[":
            if not (end := _set_end(pattern, at)):
                return None
            inner = pattern[at + 1 : end - 1].replace("\\", "\\\\")
            inner = re.sub(r"\[:(\w+):\]", lambda m: _IN_SETS.get(str(m[1]), "\0"), inner)
            if "\0" in inner:
                return None
            inner = re.sub(r"([&~|\[]|-(?=-))", r"\\\1", inner)
            out, at = f"{out}[{inner}]", end
        elif char == "\\":
            if not after or after in "123456789<>":
                return None
            if basic and after in "(){}+?|":
                out += after
            elif after in "wWsSbB":
                out += char + after
            else:
                out += re.escape(after)
            at += 2
        elif basic and char in "(){}+?|":
            out, at = out + "\\" + char, at + 1
        else:
            out, at = out + char, at + 1
    return out


_IN_SETS = {"digit": r"0-9", "alpha": "a-zA-Z", "alnum": "a-zA-Z0-9", "space": r"\s",
            "upper": "A-Z", "lower": "a-z"}  # fmt: skip

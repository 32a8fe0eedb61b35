"""CMake's regular expressions as Python's, for texts and expressions that end soon."""

from __future__ import annotations

import re
from functools import lru_cache

_LONGEST, _LONGEST_TEXT = 300, 20_000  # characters
_NESTED = re.compile(r"[*+?][^()]*\)[*+]")  # a repetition within one that is repeated
_MANY = 4  # repetitions of an expression that a long text is searched for


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str] | None:
    """The expression; None where it is not followed: damaged, or such that it may not end."""
    if len(pattern) > _LONGEST or "\0" in pattern:
        return None
    if _NESTED.search(re.sub(r"\[\^?\]?[^\]]*\]", "c", re.sub(r"\\.", "c", pattern))):
        return None
    try:
        return re.compile(_translated(pattern))
    except (re.error, RecursionError, OverflowError):
        return None


def _translated(pattern: str) -> str:
    """Braces and classes such as \\d mean nothing in CMake's; "$" is the end, "." any character."""
    found, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            found.append(re.escape(pattern[at + 1 : at + 2]))
            at += 2
        elif char == "[":
            end = at + 1 + pattern.startswith("^", at + 1)
            end = pattern.find("]", end + pattern.startswith("]", end))
            if end < 0:
                raise re.error("no end of the set")
            inner = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            inner = inner.replace("&", "\\&").replace("~", "\\~").replace("|", "\\|")
            mark = "^" if inner.startswith("^") else ""
            body = inner.removeprefix("^")
            body = "\\]" + body[1:] if body.startswith("]") else body
            body = re.sub(r"(?<=.-)-", r"\-", body)  # a range's end
            found.append(f"[{mark}{body}]")
            at = end + 1
        else:
            found.append({"$": r"\Z", "{": r"\{", "}": r"\}", ".": r"[\s\S]"}.get(char, char))
            at += 1
    return "".join(found)


def fits(pattern: re.Pattern[str], text: str) -> bool:
    """Whether a search is sure to end soon."""
    repeats = len(re.findall(r"(?<!\\)[*+]", pattern.pattern))
    return len(text) <= (
        _LONGEST_TEXT if repeats < 2 else 4000 if repeats < _MANY else 300 if repeats < 8 else 40
    )


def search(pattern: str, text: str) -> list[str] | None:
    """The match and its groups, [] for no match; None where it is not tried."""
    found = compiled(pattern)
    if found is None or not fits(found, text):
        return None
    match = found.search(text)
    return [match[0], *(group or "" for group in match.groups())] if match else []

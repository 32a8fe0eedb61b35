"""The little language in which error messages are written down, and the regex each text becomes.

    nvcc fatal : Unsupported gpu architecture '{arch}'

Blanks stand for any run of blanks, a quotation mark for any kind of it or none, a colon for the
wide one too, `{arch}` captures
(its kind is in KINDS; `{name:kind}` renames), `{is|are|}` is a choice, `{*}` skips a little, from
the end of a word to the beginning of one, `{.}` is the end of a name, `^` and `$` are the ends of a
line. Words begin and end where the text does, and case does not matter. Every repetition is
bounded, so that no log can make a match slow.
"""

from __future__ import annotations

import re
from functools import cache

KINDS = {
    "arch": r"(?:sm|compute|gfx)_?[0-9a-f]{1,6}[a-z]?",
    "code": r"[\w.\-]{1,60}",
    "header_file": r"[\w./\\+\-]{1,160}?(?:\.(?:h|hpp|cuh|hh|inl|inc|hxx)|/[a-z_]{1,60})",
    "line": r".{1,300}",
    "module": r"[A-Za-z_][\w.]{0,120}",
    "name": r"[\w.\-]{1,120}",
    "number": r"\d{1,12}",
    "path": r"[^\s'\"`,;]{1,400}",
    "pin": r"[A-Za-z0-9][\w.\-\[\]]{0,80}\s?(?:==|<=|>=|~=|!=|<|>)\s?[\d][\w.*,<>=!]{0,60}",
    "requirement": r"[A-Za-z0-9][\w.\-\[\]<>=!~+,*]{0,120}",
    "size": r"[\d.]{1,20}\s?[KMGT]i?B",
    "soname": r"[\w.+\-]{1,120}?\.so(?:\.\d{1,6}){0,4}",
    "symbol": r"[A-Za-z_][\w.$@]{1,2000}",
    "symver": r"(?:GLIBC|GLIBCXX|CXXABI|GCC|LIBSTDC\+\+|GFORTRAN|GOMP)_[\w.]{1,30}",
    "version": r"v?\d{1,6}(?:\.\d{1,6}){0,4}[\w+.\-]{0,30}",
    "word": r"[^\s'\"`,;:()]{1,200}",
}
LONGEST = 4096  # characters of a text that is matched
_QUOTE = "['\"`´‘’“”]{0,3}"
_TOKEN = re.compile(r"\{([^{}]*)\}|(:?\s+)|(['`\"])|(.)", re.DOTALL)
_COLON = r"\s?[:：]"
_SPACE = r"\s{1,40}"
_SKIP = r"(?:(?![A-Za-z0-9]).{0,160}?(?:(?<![A-Za-z0-9])|(?![A-Za-z0-9])))?"


class BadText(ValueError):
    """A text that is not in the language."""


@cache
def compiled(text: str) -> re.Pattern[str]:
    """The regex of a text. Raises BadText."""
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", text)):
        raise BadText(f"a brace is left over in {text!r}")
    body = text.removeprefix("^").removesuffix("$")
    parts = [_part(token) for token in _TOKEN.finditer(body)]
    # A word must not begin in the middle of another: "error 2" is not in "terror 2".
    front = "^" if text.startswith("^") else r"(?<![A-Za-z0-9])" if _begins_a_word(body) else ""
    end = "$" if text.endswith("$") else r"(?![A-Za-z])" if body[-1:].isalpha() else ""
    return re.compile(front + "".join(parts) + end, re.IGNORECASE)


def _begins_a_word(text: str) -> bool:
    """Whether a text starts with a letter, a digit, or a choice or capture of them."""
    return text[:1].isalnum() or (text.startswith("{") and not text.startswith(("{*}", "{|")))


def pieces(text: str) -> tuple[bytes, ...]:
    """Lower-case pieces that every match contains, longest first: a cheap test before the regex."""
    plain = re.sub(r"\{[^{}]*\}|[^\w]", " ", text)
    # Bytes are lowered as ASCII: a word of another script counts as it stands.
    found = {word.encode().lower() for word in plain.split() if len(word.encode()) > 2}
    return tuple(sorted(found, key=lambda w: (-len(w), w)))


def choices(text: str) -> tuple[tuple[bytes, ...], ...]:
    """For each choice that every match makes: its lower-case alternatives."""
    groups = [inside.lower().split("|") for inside in re.findall(r"\{([^{}]*\|[^{}]*)\}", text)]
    return tuple(
        tuple(alternative.strip().encode() for alternative in group)
        for group in groups
        if all(re.fullmatch(r"\s?[\w.\-]{2,}", alternative) for alternative in group)
    )


def whole_words(text: str) -> list[str]:
    """Lower-case runs of letters that stand alone in every match."""
    marked = re.sub(r"\{[^{}]*\}", lambda m: " " if m[0] in ("{.}", "{*}") else "\0", text)
    return [m.lower() for m in re.findall(r"(?<![A-Za-z\0])[A-Za-z]{2,}(?![A-Za-z\0])", marked)]


def _part(token: re.Match[str]) -> str:
    inside, blank, quote, other = token.groups()
    if blank:
        return _COLON + r"\s{0,40}" if blank.startswith(":") else _SPACE
    if quote:
        return _QUOTE
    if other == ":":
        return _COLON
    if other:
        return re.escape(other)
    if inside == "*":
        return _SKIP
    if inside == ".":
        return r"(?![A-Za-z0-9_])"
    if "|" in inside:
        return "(?:" + "|".join(_literal(choice) for choice in inside.split("|")) + ")"
    name, _, kind = inside.partition(":")
    if (kind or name) not in KINDS:
        raise BadText(f"{{{inside}}} is no kind of {', '.join(KINDS)}")
    return f"(?P<{name}>{KINDS[kind or name]})"


def _literal(text: str) -> str:
    return "".join(_part(token) for token in _TOKEN.finditer(text))

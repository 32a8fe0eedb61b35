"""Undoes what pasting does to a line: colours, quoting, boxes, timestamps, URL escapes."""

from __future__ import annotations

import re

_COLOUR = re.compile(
    r"(?:\x1b|\\u001b|\\x1b|\\033|\\e|\^\[)\[[0-9;?]{0,20}[A-Za-z]"  # with its escape character
    r"|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)"  # titles, links
    r"|\[(?:\d{1,3};){0,4}\d{1,3}m(?![\w\]])"  # the rest of one that lost it
    r"|\[(?:0|1|3[0-7]|9[0-7])(?:;\d{1,3}){0,3}m"
)
_OVERSTRUCK = re.compile(r".\x08")
_MARK = r"(?:[>│┃|║❱*]{1,4}(?=\s|$)|[#$](?=\s))"
_STAMP = (
    r"\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ]|\d\d-\d\d )?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?:Z|[+-]\d\d:?\d\d)?\]?:?"
)
_LEVEL = r"\[?(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|CRITICAL|[IWEF]\d{4})\]?:?(?=\s)"
_NAMED = r"[\w.\-]{1,60}(?:-\d{1,3})?\s{0,20}\|(?=\s)"  # docker compose: "web-1  | "
_STEP = r"#\d{1,4}\s\d{1,6}\.\d{1,3}(?=\s)"  # docker buildkit: "#12 34.56 "
_FRONT = re.compile(rf"\s{{0,400}}(?:{_MARK}|{_STAMP}|{_LEVEL}|{_STEP}|{_NAMED})")
_BACK = re.compile(r"[\s│┃║]{1,400}\Z")
_NARROW, _WIDE = 60, 250  # columns of a terminal
_ESCAPES = {"%20": " ", "%27": "'", "%3A": ":", "&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ESCAPED = re.compile("|".join(_ESCAPES))


def plain(text: str) -> str:
    """Without colours, over-striking and escapes; the layout stays."""
    if "[" in text:
        text = _COLOUR.sub("", text)
    if "\x08" in text:
        text = _OVERSTRUCK.sub("", text)
    if "%" in text or "&" in text:
        text = _ESCAPED.sub(lambda m: _ESCAPES[m[0]], text)
    return text


def line(text: str) -> str:
    """One line: plain, without prefixes, indentation and the sides of a box."""
    text = plain(text)
    at = 0
    for _ in range(6):
        front = _FRONT.match(text, at)
        if front is None:
            break
        at = front.end()
    return _BACK.sub("", text[at:]).lstrip()


def unwrapped(text: str) -> str | None:
    """The text with hard-wrapped lines joined, None when none looks so.

    A terminal that is copied breaks lines at its width, within words too: several lines of exactly
    the longest length. The line ends are kept behind the joined line, so that numbers stay true.
    """
    lines = [found.rstrip("\r") for found in text.split("\n")]
    width = max(map(len, lines))
    if not _NARROW <= width <= _WIDE or sum(len(found) == width for found in lines) < 2:
        return None
    out: list[str] = []
    ends = 0
    for found in lines:
        out.append(found)
        if len(found) == width:
            ends += 1
        else:
            out.append("\n" * (ends + 1))
            ends = 0
    return "".join(out)

"""Sources, shortened and numbered: a row carries the number, the file carries the text once."""

from __future__ import annotations

import re

# Notes of the research itself that mean nothing outside it.
_PRIVATE = [
    r"[;,]? *\(?(find_string|read_file|find_string/read_file) id [^)]*\)?",
    r", read as stored text[^)]*(\)|$).*",
    r"stored file id \d+ ?/? ?",
    r",? ?file id \d+",
]


def shorten(text: str | None) -> str:
    """The source without private notes, at most 160 characters."""
    short = text or "unknown"
    for pattern in _PRIVATE:
        short = re.sub(pattern, "", short)
    short = re.sub(r"\(\s*[;,]?\s*", "(", re.sub(r"\s+", " ", short)).replace("()", "").strip(" ;,")
    return short if len(short) <= 160 else short[:159] + "…"


class Sources:
    """Numbers texts in the order of their first use."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str | None) -> int:
        short = shorten(text)
        if short not in self.texts:
            self.texts.append(short)
        return self.texts.index(short)

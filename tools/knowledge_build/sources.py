"""Sources, shortened and numbered: a row carries the number, the file carries the text once."""

from __future__ import annotations

import re

# Numbers of a document store, and remarks on how a text was read: they mean nothing elsewhere.
_PRIVATE = [
    r" *\((?:\w+ )*[a-z_/]+ id \d{4,}[^()]*\)",
    r"[;,]? *(?:\w+ )?[a-z_/]+ id \d{4,}[^()]*?(?= \(|\)|$)",
    r", read as [^(]*$",
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

"""Sources: what counts as one, and how a table carries each text once."""

from __future__ import annotations

import re

# An address, a file or a folder of a repository, a file's name, a manual page, versions that were run.
_PLACE = re.compile(
    r"https?://\S+\.\S+"
    r"|\b[\w.-]+/[\w.-]+"
    r"|\b[\w-]+\.(?:c|cc|cpp|cu|cuh|cmake|h|hpp|ids|json|md|py|rs|rst|sh|toml|txt|whl|ya?ml)\b"
    r"|\b[\w.-]+\(\d\)"
    r"|\b\d+\.\d+(?:\.\d+)*\b"
)


def real_source(text: str) -> str:
    """The text, when it says where to look. Raises ValueError: "tested" or "METADATA" does not."""
    if not _PLACE.search(text):
        raise ValueError(
            f"{text!r} names no place to look: give an address, a file at a tag of a repository,"
            " a wheel's file name, or the versions that were run"
        )
    return text


class Sources:
    """Numbers texts in the order of their first use."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

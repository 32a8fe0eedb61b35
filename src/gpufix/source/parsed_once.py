"""What is parsed once, since build files are run in many worlds: their syntax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST = 1 << 20  # characters of the sources that are kept


class ParsedOnce(Generic[T]):
    """A parser of texts that keeps what it made of the last ones. Nobody changes that."""

    def __init__(self, parse: Callable[[str], T], most: int = _MOST) -> None:
        """most: characters of the texts for which it is kept."""
        self._parse, self._most, self._size = parse, most, 0
        self._known: dict[str, T] = {}  # by text, the last used one last

    def __call__(self, text: str) -> T:
        """What the text holds. Raises what the parser raises."""
        if text in self._known:
            found = self._known.pop(text)
        else:
            found = self._parse(text)
            self._size += len(text)
        self._known[text] = found
        while self._size > self._most:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._size -= len(oldest)
        return found

"""Finds the few places of a log that can hold a known message, without a look at each line.

A log is cut into words by C code, a quarter of a megabyte at once. A text can stand there only when
all of its words do; it is then looked for where the rarest of them is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from gpufix.knowledge.message_text import choices, pieces, whole_words
from gpufix.knowledge.messages import Message, messages

_LETTERS = bytes(c if c < 128 and chr(c).isalpha() else 32 for c in range(256))


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a message, and what a match holds: whole words, pieces, one of each choice."""

    order: int
    message: Message
    text: str
    words: frozenset[bytes]
    pieces: tuple[bytes, ...]
    choices: tuple[tuple[bytes, ...], ...]


class NoWord(ValueError):
    """A text without anything by which it could be found."""


@cache
def texts() -> tuple[Text, ...]:
    """Every known text. Raises NoWord."""
    pairs = [(message, text) for message in messages() for text in message.texts]
    return tuple(_text(order, *pair) for order, pair in enumerate(pairs))


def _text(order: int, message: Message, text: str) -> Text:
    words = frozenset(word.encode() for word in whole_words(text))
    if not words and not pieces(text):
        raise NoWord(f"{message.id}: {text!r} holds nothing by which it could be found")
    return Text(order, message, text, words, pieces(text), choices(text))


@cache
def _all_words() -> frozenset[bytes]:
    return frozenset(word for text in texts() for word in text.words)


def possible(low: bytes) -> dict[bytes, list[Text]]:
    """The texts that a lower-case part of a log can hold, by the word to look for."""
    present = _all_words().intersection(low.translate(_LETTERS).split())
    counts: dict[bytes, int] = {}
    found: dict[bytes, list[Text]] = {}
    for text in texts():
        if not text.words:  # another script, or one word cut off: searched for as it stands
            if text.pieces[0] in low:
                found.setdefault(text.pieces[0], []).append(text)
        elif text.words <= present:
            for word in text.words:
                if word not in counts:
                    counts[word] = low.count(word)
            found.setdefault(min(text.words, key=lambda w: (counts[w], w)), []).append(text)
    return found


def places(low: bytes, word: bytes, start: int, end: int, reach: int) -> Iterator[tuple[int, int]]:
    """(begin, stop) of each line with `word` in low[start:end], at most `reach` to each side."""
    at = low.find(word, start, end)
    while at >= 0:
        begin = max(low.rfind(b"\n", max(0, at - reach), at) + 1, at - reach, 0)
        stop = low.find(b"\n", at, at + reach)
        stop = stop if stop >= 0 else min(len(low), at + reach)
        yield begin, stop
        at = low.find(word, max(stop, at + 1), end)

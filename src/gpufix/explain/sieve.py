"""Finds the few places of a log that can hold a known message, without a look at each line.

A log is cut into words by C code, a quarter of a megabyte at once. A text can stand there only when
all of its words do; it is then looked for where the rarest of them is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
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
def _wordless() -> tuple[Text, ...]:
    return tuple(text for text in texts() if not text.words)


@cache
def _all_words() -> frozenset[bytes]:
    return frozenset(word for text in texts() for word in text.words)


def possible(low: bytes, tired: Mapping[bytes, int]) -> dict[bytes, list[Text]]:
    """The texts that a lower-case part of a log can hold, by the word to look for.

    A `tired` word is looked for only while it is no more frequent than the number beside it.
    """
    words = low.translate(_LETTERS).split()
    present = _all_words().intersection(words)
    at_hand = [text for text in texts() if text.words and text.words <= present]
    counts = Counter(filter(present.__contains__, words) if at_hand else ())
    found: dict[bytes, list[Text]] = {}
    for text in at_hand:
        word = min(text.words, key=lambda w: (counts[w], w))
        if counts[word] <= tired.get(word, len(low)):
            found.setdefault(word, []).append(text)
    for text in _wordless():  # another script, or a word cut off: sought as it stands
        if text.pieces[0] in low:
            found.setdefault(text.pieces[0], []).append(text)
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

"""Log lines normalised, and the quick test that passes most of them over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

from gpufix.knowledge.messages import Message, choices, messages, pieces, whole_words

_COLOUR = re.compile(
    r"(?:\x1b|\\u001b|\\x1b|\\033|\\e|\^\[)\[[0-9;?]{0,20}[A-Za-z]"  # with its escape character
    r"|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)"  # titles, links
    r"|\[(?:\d{1,3};){0,4}\d{1,3}m(?![\w\]])"  # the rest of one that lost it
    r"|\[(?:0|1|3[0-7]|9[0-7])(?:;\d{1,3}){0,3}m"
)
_OVERSTRUCK = re.compile(r".\x08")
# Which process of several wrote the line: torchrun's "[rank0]: ", Ray's and vLLM's "(Worker pid=12) ",
# and what vLLM's logger puts behind it; the indentation that follows is the line's own.
_PROCESS = re.compile(
    r"^(?:\[(?:rank|default)\d{1,6}\]: ?)?(?:\((?:[A-Za-z_][\w:.=, -]{0,80} )?pid=\d{1,8}[^()\n]{0,80}\) ?)?"
    r"(?:(?:INFO|WARNING|ERROR) \d\d-\d\d \d\d:\d\d:\d\d \[[\w./]{1,80}\.py:\d{1,6}\] ?)?",
    re.MULTILINE,
)
_OF_PROCESSES = ("pid=", "[rank", "[default", ".py:")  # one of them is in each
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
    """Without colours, over-striking, escapes and the names of processes; the layout stays."""
    if "[" in text:
        text = _COLOUR.sub("", text)
    if any(mark in text for mark in _OF_PROCESSES):
        text = _PROCESS.sub("", text)
    if "\x08" in text:
        text = _OVERSTRUCK.sub("", text)
    if "%" in text or "&" in text:
        text = _ESCAPED.sub(lambda m: _ESCAPES[m[0]], text)
    return text


def normalised_line(text: str) -> str:
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


_LETTERS = bytes(c if c == 10 or (c < 128 and chr(c).isalpha()) else 32 for c in range(256))


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


@dataclass(frozen=True, slots=True)
class Sought:
    """Texts to look for, each once, below its longest word: few others have that. All their words."""

    by_longest: Mapping[bytes, list[Text]]
    words: frozenset[bytes]

    def without(self, spent: Set[bytes]) -> Sought:
        """Those that hold a word which is not `spent`."""
        left: dict[bytes, list[Text]] = {}
        for longest, group in self.by_longest.items():
            if some := [text for text in group if not text.words <= spent]:
                left[longest] = some
        return Sought(left, frozenset(w for some in left.values() for t in some for w in t.words))


@cache
def sought() -> Sought:
    """All texts that have a word."""
    found: dict[bytes, list[Text]] = {}
    for text in texts():
        if text.words:
            found.setdefault(max(text.words, key=lambda w: (len(w), w)), []).append(text)
    return Sought(found, frozenset(word for text in texts() for word in text.words))


def possible(low: bytes, among: Sought, tired: Mapping[bytes, int]) -> dict[bytes, list[Text]]:
    """The texts that a lower-case part of a log can hold, by the word to look for.

    A `tired` word is looked for only while no more lines hold it than the number beside it says;
    lines that differ in numbers alone count once.
    """
    # Without their numbers the lines of a build are few: each is taken apart once.
    words = b" ".join(set(low.translate(_LETTERS).split(b"\n"))).split()
    counts = Counter(filter(among.words.__contains__, words))
    present = set(counts)
    at_hand = [
        text for word in present for text in among.by_longest.get(word, ()) if text.words <= present
    ]
    found: dict[bytes, list[Text]] = {}
    for text in sorted(at_hand, key=attrgetter("order")):
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

"""Finds the catalogue's messages in a log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gpufix.explain import prefilter
from gpufix.explain.prefilter import Text, places, possible, sought
from gpufix.knowledge.messages import LONGEST, Message, compiled

_FULL = 56  # characters from which on a line may have been broken
_LINE_REACH = 2048  # bytes
NEAR = 400  # bytes; the neighbours of a broken line
_CONTEXT = 8 << 10  # bytes


class LineWindow:
    """The line text[begin:stop]; `low` is the same in lower case with carriage returns as ends."""

    def __init__(self, text: bytes, low: bytes, begin: int, stop: int):
        self.text, self.low, self.begin, self.stop = text, low, begin, stop
        self.low_line = low[begin:stop]

    def match(self, text: Text) -> dict[str, str] | None:
        """What the text captures in the line, or in it and its neighbours; None = not there."""
        found = compiled(text.text).search(self.line) if holds(self.low_line, text) else None
        if found is not None:
            return _captures(found.groupdict())
        for joined, low, begin, end in self.joined:
            found = compiled(text.text).search(joined) if holds(low, text) else None
            # A neighbour's own message is found at the neighbour.
            if found is not None and found.start() < end and found.end() > begin:
                return _captures(found.groupdict())
        return None

    @cached_property
    def line(self) -> str:
        """The line, normalised."""
        return self._line(self.begin, self.stop)

    @cached_property
    def raw(self) -> str:
        """The line with its stamp and level, without colours."""
        raw = self.text[self.begin : self.stop].decode("utf-8", "replace")
        return prefilter.plain(raw)[:LONGEST]

    @cached_property
    def before(self) -> str:
        """What stands before the line, without colours."""
        start = max(0, self.begin - _CONTEXT)
        return prefilter.plain(self.text[start : self.begin].decode("utf-8", "replace"))

    @cached_property
    def after(self) -> str:
        """What follows the line, without colours."""
        return prefilter.plain(
            self.text[self.stop : self.stop + _CONTEXT].decode("utf-8", "replace")
        )

    @cached_property
    def _group(self) -> list[tuple[int, int]]:
        """The line and those neighbours with which it may have been one."""
        group = [(self.begin, self.stop)]
        before = self._neighbour(self.begin, -1)
        if before is not None and _broken(self.low[slice(*before)]):
            group.insert(0, before)
        for _ in range(3):
            after = self._neighbour(group[-1][1], 1)
            if after is None or not _broken(self.low[slice(*group[-1])]):
                break
            group.append(after)
        return group if len(group) > 1 else []

    @cached_property
    def joined(self) -> tuple[tuple[str, bytes, int, int], ...]:
        """The group joined, as broken at blanks and as broken within words, the same in lower case,
        and where in it the line is; () without a group."""
        group = self._group
        if not group:
            return ()
        own = group.index((self.begin, self.stop))
        lines = [self._line(begin, stop) for begin, stop in group]
        out = []
        for between in (" ", ""):
            start = sum(len(line) + len(between) for line in lines[:own])
            whole = between.join(lines)[:LONGEST]
            out.append((whole, whole.encode().lower(), start, start + len(lines[own])))
        return tuple(out)

    def _line(self, begin: int, stop: int) -> str:
        return prefilter.normalised_line(self.text[begin:stop].decode("utf-8", "replace"))[:LONGEST]

    def _neighbour(self, at: int, step: int) -> tuple[int, int] | None:
        low = self.low
        if step < 0:
            if at <= 0 or low[at - 1] != 10:
                return None
            return max(
                low.rfind(b"\n", max(0, at - 1 - _LINE_REACH), at - 1) + 1, at - 1 - _LINE_REACH
            ), at - 1
        if at >= len(low) or low[at] != 10:
            return None
        stop = low.find(b"\n", at + 1, at + 1 + _LINE_REACH)
        return at + 1, stop if stop >= 0 else min(len(low), at + 1 + _LINE_REACH)


def _broken(low: bytes) -> bool:
    """Whether a line may go on in the next one."""
    return len(low) >= _FULL or low.rstrip().endswith((b":", b"\xe2\x94\x82"))


def holds(low: bytes, text: Text) -> bool:
    """Whether all is there that every match of the text holds."""
    for piece in text.pieces:
        if piece not in low:
            return False
    return all(any(choice in low for choice in group) for group in text.choices)


def _captures(groups: dict[str, str | None]) -> dict[str, str]:
    return {name: value.strip(".,;:") for name, value in groups.items() if value}


_REACH = 2048  # bytes of a line to each side of a word
_MARGIN = 16 << 10  # bytes around a line that stay at hand, for wrapped lines and context
_WORD = 64  # bytes; no word of ours is longer
_ENOUGH = 15  # places of one message: more of them tell nothing new
_WITH_CONTEXT = 230  # places that keep all that stands around them; no log of a person has more
_LITTLE = 1500  # characters that the others keep
_VAIN = 4_000  # looks at one word's lines without a find, from which on it is tired
_VAIN_ALL = 16_000  # the same for all words together
_RARE = 20  # times that a tired word may stand in one piece and still be looked for
_EXHAUSTED = 3 * _VAIN_ALL  # from here on a tired word is not looked for at all, before the end
_REPEATS = 100_000  # distinct lines remembered, so that repeated ones cost next to nothing
_EDGE = 256 << 10  # bytes kept of the beginning and the end, for what is not recognised
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]{0,20}[A-Za-z]")


@dataclass(slots=True)
class Hit:
    """A message at one place. `line`: its number, from 1; `before`, `after`: its context; `raw`:
    the line as it stands."""

    message: Message
    order: int
    line: int
    shown: str
    captures: dict[str, str]
    before: str
    after: str
    raw: str


@dataclass(slots=True)
class LogScan:
    """What a log holds: known messages in its order, its size, its beginning and end."""

    hits: list[Hit] = field(default_factory=list)
    size: int = 0  # bytes
    lines: int = 0
    head: bytes = b""
    tail: bytes = b""
    cut: bool = False  # longer than what is read of any log
    flooded: bool = False  # so full of near misses that not all of them were looked at

    def end(self, characters: int) -> str:
        """The last characters of the log, without colours."""
        return prefilter.plain((self.tail or self.head).decode("utf-8", "replace")[-characters:])

    def first_line(self, end: str) -> int:
        """The number of the first line of what `end` gave."""
        return max(1, self.lines - end.removesuffix("\n").count("\n"))


def scan(pieces: Iterable[bytes]) -> LogScan:
    """Read a log once. Memory is bounded by a piece's size, time by the log's."""
    out, window = LogScan(), _Window()
    for piece in pieces:
        window.add(piece)
        out.size += len(piece)
        out.head += piece[: _EDGE - len(out.head)]
        out.tail = (out.tail + piece)[-_EDGE:]
        out.hits += window.hits(window.end)
        window.forget()
    out.flooded = bool(window.tired)
    window.rest()
    out.hits += window.hits(len(window.text))
    out.lines = window.lines
    out.hits.sort(key=lambda hit: (hit.line, hit.order))
    return out


class _Window:
    """The part of the log at hand. `fresh`: up to where it has been searched."""

    def __init__(self) -> None:
        self.text = self.low = b""
        self.newlines = self.fresh = 0  # line number of text[0], from 0
        self.counts: dict[str, int] = {}
        self.found = 0
        self.seen: set[int] = set()
        self.vain: dict[bytes, int] = {}  # what looks in vain have cost, by word
        self.vain_all = 0
        self.tired: dict[bytes, int] = {}
        self.sought = sought()

    def add(self, piece: bytes) -> None:
        """Take the next piece; colours go here, since they stick to words."""
        if b"\x1b" in piece:
            piece = _ESCAPE.sub(b"", piece)
        self.text += piece
        self.low += piece.lower().replace(b"\r\n", b" \n").replace(b"\r", b"\n")

    def rest(self) -> None:
        """Go on as if nothing had been looked at in vain: at a log's end stands what failed."""
        self.vain, self.vain_all, self.tired, self.sought = {}, 0, {}, sought()

    @property
    def end(self) -> int:
        """Up to here a line has all of its context."""
        return max(self.fresh, len(self.text) - _MARGIN)

    @property
    def lines(self) -> int:
        """Lines so far."""
        unfinished = bool(self.text) and not self.text.endswith(b"\n")
        return self.newlines + self.text.count(b"\n") + unfinished

    def forget(self) -> None:
        """Drop what is no longer needed."""
        end = self.end
        cut = max(0, end - _MARGIN)
        self.newlines += self.text.count(b"\n", 0, cut)
        self.text, self.low = self.text[cut:], self.low[cut:]
        self.fresh = end - cut

    def hits(self, end: int) -> Iterator[Hit]:
        """Known messages between `fresh` and `end`."""
        part = self.low[max(0, self.fresh - _WORD) : end + _WORD]
        if spent := {word for word, limit in self.tired.items() if not limit}:
            self.sought = self.sought.without(spent)
        for word, known in possible(part, self.sought, self.tired).items():
            for begin, stop in places(self.low, word, self.fresh, end + len(word) - 1, _REACH):
                texts = self._candidates(known, begin, stop) if self._new(word, begin, stop) else ()
                window = LineWindow(self.text, self.low, begin, stop) if texts else None
                found = False
                for text in texts:
                    captures = window.match(text) if window else None
                    if window is not None and captures is not None:
                        found = True
                        yield self._hit(text.message, text.order, window, captures)
                cost = (1 + len(texts)) * (1 + (stop - begin) // 128) + len(known) // 8
                if not found and self._tires(word, cost):
                    break

    def _candidates(self, known: Sequence[Text], begin: int, stop: int) -> list[Text]:
        near = self.low[max(0, begin - NEAR) : stop + NEAR].replace(b"\n", b"")
        return [
            text
            for text in known
            if self.counts.get(text.message.id, 0) < _ENOUGH and holds(near, text)
        ]

    def _tires(self, word: bytes, cost: int) -> bool:
        """Count a look in vain; True when the rest of this piece is not worth another.

        A log made of near misses would else cost a second a megabyte.
        """
        self.vain[word] = self.vain.get(word, 0) + cost
        self.vain_all += cost
        if self.vain[word] < (_VAIN if self.vain_all < _VAIN_ALL else _RARE):
            return False
        self.tired[word] = _RARE if self.vain_all < _EXHAUSTED else 0
        if self.vain_all >= _EXHAUSTED > self.vain_all - cost:
            self.tired = dict.fromkeys(self.tired, 0)
        return True

    def _new(self, word: bytes, begin: int, stop: int) -> bool:
        key = hash((word, self.low[begin:stop]))
        if key in self.seen:
            return False
        if len(self.seen) < _REPEATS:
            self.seen.add(key)
        return True

    def _hit(
        self, message: Message, order: int, window: LineWindow, captures: dict[str, str]
    ) -> Hit:
        self.counts[message.id] = self.counts.get(message.id, 0) + 1
        line = self.newlines + self.text.count(b"\n", 0, window.begin) + 1
        before, after = window.before, window.after
        self.found += 1
        if self.found > _WITH_CONTEXT:
            before, after = before[-_LITTLE:], after[:_LITTLE]
        return Hit(message, order, line, window.line, captures, before, after, window.raw)

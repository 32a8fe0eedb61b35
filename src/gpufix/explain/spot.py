"""One line of a log that may hold a known message: the line itself, and it joined with its
neighbours, as a terminal, a box or a mail may have broken it."""

from __future__ import annotations

from functools import cached_property

from gpufix.explain import unpaste
from gpufix.explain.sieve import Text
from gpufix.knowledge.message_text import LONGEST, compiled

_FULL = 56  # characters from which on a line may have been broken
_REACH = 2048  # bytes
NEAR = 400  # bytes; the neighbours of a broken line
_CONTEXT = 8 << 10  # bytes


class Spot:
    """The line text[begin:stop]; `low` is the same in lower case with carriage returns as ends."""

    def __init__(self, text: bytes, low: bytes, begin: int, stop: int):
        self.text, self.low, self.begin, self.stop = text, low, begin, stop
        self.low_line = low[begin:stop]

    def match(self, text: Text) -> dict[str, str] | None:
        """What the text captures in the line, or in it and its neighbours; None = not there."""
        found = compiled(text.text).search(self.line) if holds(self.low_line, text) else None
        if found is not None:
            return _captures(found.groupdict())
        for joined, begin, end in self.joined:
            found = compiled(text.text).search(joined)
            # A neighbour's own message is found at the neighbour.
            if found is not None and found.start() < end and found.end() > begin:
                return _captures(found.groupdict())
        return None

    @cached_property
    def line(self) -> str:
        """The line, unpasted."""
        return self._line(self.begin, self.stop)

    @cached_property
    def raw(self) -> str:
        """The line with its prefixes, without colours."""
        raw = self.text[self.begin : self.stop].decode("utf-8", "replace")
        return unpaste.plain(raw)[:LONGEST]

    @cached_property
    def before(self) -> str:
        """What stands before the line, without colours."""
        start = max(0, self.begin - _CONTEXT)
        return unpaste.plain(self.text[start : self.begin].decode("utf-8", "replace"))

    @cached_property
    def after(self) -> str:
        """What follows the line, without colours."""
        return unpaste.plain(self.text[self.stop : self.stop + _CONTEXT].decode("utf-8", "replace"))

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
    def joined(self) -> tuple[tuple[str, int, int], ...]:
        """The group joined, as broken at blanks and as broken within words, and where in it the
        line is; () without a group."""
        group = self._group
        if not group:
            return ()
        own = group.index((self.begin, self.stop))
        lines = [self._line(begin, stop) for begin, stop in group]
        out = []
        for between in (" ", ""):
            start = sum(len(line) + len(between) for line in lines[:own])
            out.append((between.join(lines)[:LONGEST], start, start + len(lines[own])))
        return tuple(out)

    def _line(self, begin: int, stop: int) -> str:
        return unpaste.line(self.text[begin:stop].decode("utf-8", "replace"))[:LONGEST]

    def _neighbour(self, at: int, step: int) -> tuple[int, int] | None:
        low = self.low
        if step < 0:
            if at <= 0 or low[at - 1] != 10:
                return None
            return max(
                low.rfind(b"\n", max(0, at - 1 - _REACH), at - 1) + 1, at - 1 - _REACH
            ), at - 1
        if at >= len(low) or low[at] != 10:
            return None
        stop = low.find(b"\n", at + 1, at + 1 + _REACH)
        return at + 1, stop if stop >= 0 else min(len(low), at + 1 + _REACH)


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

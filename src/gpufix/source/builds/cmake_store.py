"""What a CMake run remembers: texts that are known in part, and tables that branches change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from gpufix.source.builds.run import UNKNOWN_PART, Place

_PLACES, _MAYBE = 24, 16  # kept of a text: the lines that wrote it, what may be part of it
_JOINS = 10_000  # texts that are joined after branches
_LONGEST = 1 << 17  # characters of a text; a longer one is not known


class Value(NamedTuple):
    """A variable's or property's text. `places`: the lines that wrote it.

    defined: None where only a run would tell. maybe: texts that may stand in its unknown parts.
    """

    text: str
    places: tuple[Place, ...] = ()
    defined: bool | None = True
    maybe: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return UNKNOWN_PART not in self.text and self.defined is not None


UNDEFINED = Value("", defined=False)


def unknown(
    places: Iterable[Place] = (), maybe: Iterable[str] = (), defined: bool | None = True
) -> Value:
    """A text of which nothing is known."""
    return Value(UNKNOWN_PART, tuple(places)[-_PLACES:], defined, tuple(maybe)[:_MAYBE])


def value(text: str, places: Iterable[Place] = (), maybe: Iterable[str] = ()) -> Value:
    """A text with the lines that made it."""
    if len(text) > _LONGEST:
        text = UNKNOWN_PART
    return Value(text, tuple(dict.fromkeys(places))[-_PLACES:], True, tuple(maybe)[:_MAYBE])


def joined(left: Value, right: Value) -> Value:
    """What holds after a branch of which only a run would tell: the ends that both have in common."""
    if left.text == right.text and left.defined == right.defined:
        return left if len(left.places) >= len(right.places) else right
    places = tuple(dict.fromkeys((*left.places, *right.places)))[-_PLACES:]
    defined = left.defined if left.defined == right.defined else None
    if left.text == right.text:
        return Value(left.text, places, defined, left.maybe)
    one, two = left.text, right.text
    start = _common(one, two)
    end = _common(one[start:][::-1], two[start:][::-1])
    parts = [text[start : len(text) - end] for text in (one, two)]
    maybe = dict.fromkeys((*left.maybe, *right.maybe, *filter(None, parts)))
    text = one[:start] + _between(parts) + one[len(one) - end :]
    text = text.replace(UNKNOWN_PART * 2, UNKNOWN_PART)
    return Value(text, places, defined, tuple(maybe)[:_MAYBE])


def _between(parts: list[str]) -> str:
    """An unknown part, apart from its neighbours where each of the texts that may stand there is."""
    given = [part for part in parts if part]
    first, last = {part[0] for part in given}, {part[-1] for part in given}
    before = first.pop() if len(first) == 1 and first <= {";", " "} else ""
    after = last.pop() if len(last) == 1 and last <= {";", " "} and not before else ""
    return f"{before}{UNKNOWN_PART}{after}"


def _common(one: str, two: str) -> int:
    """How long a start two texts share, up to the end of an element or a word of it."""
    most = min(len(one), len(two))
    count = next((n for n in range(most) if one[n] != two[n]), most)
    while count and not (_ends_at(one, count) and _ends_at(two, count)):
        count -= 1
    return count


def _ends_at(text: str, at: int) -> bool:
    """Whether a word ends before, or begins at, a place."""
    return at in (0, len(text)) or text[at] in "; " or text[at - 1] in "; "


MISSING: Any = object()


class Fatal(Exception):
    """More was asked than a run follows."""


class Change(NamedTuple):
    """What one entry of a table has become."""

    table: dict[Any, Any]
    key: Any
    new: Any


Changes = dict[tuple[int, Any], Change]


class Left(NamedTuple):
    """A way that left a routine or a loop early, from a mark on."""

    mark: int
    changes: Changes
    flow: str


class Store:
    """Tables that are written through one log, so that a branch can be taken back and joined."""

    def __init__(self) -> None:
        self.variables: dict[str, Value] = {}  # of the present scope
        self.cache: dict[str, Value] = {}
        self.properties: dict[tuple[str, str, str], Value] = {}
        self.targets: dict[str, Any] = {}
        self.routines: dict[str, Any] = {}
        self.other: dict[Any, Any] = {}  # small things that are known or MISSING
        self._joins = 0
        self._log: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, table: dict[Any, Any], key: Any, new: Any) -> None:
        """Write, or delete for MISSING."""
        old = table.get(key, MISSING)
        if old is new:
            return
        self._log.append((table, key, old))
        if new is MISSING:
            table.pop(key, None)
        else:
            table[key] = new

    def mark(self) -> int:
        """This moment."""
        return len(self._log)

    def since(self, mark: int) -> Changes:
        """What has become of all that was written since."""
        return {
            (id(table), key): Change(table, key, table.get(key, MISSING))
            for table, key, _ in self._log[mark:]
        }

    def back_to(self, mark: int) -> None:
        """Take back what was written since."""
        for table, key, old in reversed(self._log[mark:]):
            if old is MISSING:
                table.pop(key, None)
            else:
                table[key] = old
        del self._log[mark:]

    def rebased(self, left: Left, mark: int) -> Left:
        """A way that left after a mark, told from that mark; before anything is taken back."""
        early = {(id(t), k): Change(t, k, t.get(k, MISSING)) for t, k, _ in self._log[mark:]}
        for table, key, old in reversed(self._log[left.mark :]):
            early[id(table), key] = Change(table, key, old)
        return Left(mark, {**early, **left.changes}, left.flow)

    def apply(self, changes: Changes) -> None:
        """Write what a branch wrote."""
        for change in changes.values():
            self.put(change.table, change.key, change.new)

    def merge(self, branches: list[Changes]) -> None:
        """Go on with what any of several branches may have written."""
        keys = dict.fromkeys(key for changes in branches for key in changes)
        self._joins += len(keys)
        if self._joins > _JOINS:
            raise Fatal
        rows = {key: c for changes in reversed(branches) for key, c in changes.items()}
        for key in keys:
            table, name, _ = rows[key]
            now = table.get(name, MISSING)
            each = [changes[key].new if key in changes else now for changes in branches]
            if table is self.properties and name[0] == "target" and MISSING in each:
                each = self._where_made(name[1], each, branches)
            result = each[0]
            for other in each[1:]:
                result = _either(result, other)
            self.put(table, name, result)

    def _where_made(self, target: str, each: list[Any], branches: list[Changes]) -> list[Any]:
        """A property's values in the branches that have its target: elsewhere nobody asks for it."""
        key = (id(self.targets), target)
        now = self.targets.get(target, MISSING)
        made = [changes[key].new if key in changes else now for changes in branches]
        return [v for v, t in zip(each, made, strict=True) if t is not MISSING] or each

    def rejoin(self, left: Left) -> None:
        """At the end of a routine: join with a way that left it early."""
        here = self.since(left.mark)
        there = dict(left.changes)
        for table, key, old in reversed(self._log[left.mark :]):
            if (id(table), key) not in left.changes:
                there[id(table), key] = Change(table, key, old)
        for key, change in there.items():
            here.setdefault(
                key, Change(change.table, change.key, change.table.get(change.key, MISSING))
            )
        self.merge([here, there])

    def resume(self, left: Left) -> None:
        """Go on as a way that left did: the others have failed."""
        self.back_to(left.mark)
        self.apply(left.changes)


def _either(one: Any, two: Any) -> Any:
    """What holds where one of two does."""
    if one is two or one == two:
        return one
    if isinstance(one, Value) or isinstance(two, Value):
        left = one if isinstance(one, Value) else UNDEFINED
        right = two if isinstance(two, Value) else UNDEFINED
        return joined(left, right)
    known = two if one is MISSING else one
    return (
        known.doubted(None if MISSING in (one, two) else two)
        if hasattr(known, "doubted")
        else known
    )

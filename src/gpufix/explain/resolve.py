"""From everything that was recognised to one answer: the cause first, then what follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gpufix.explain.told import Told

# A cause outranks what merely failed, whichever came first.
_RANK = {"cause": 0, "symptom": 1, "unknown": 2, "notice": 3, "wrapper": 4}


@dataclass(frozen=True, slots=True)
class Answer:
    """`primary` None: nothing known was found. `others`: the rest, one of each, in order."""

    primary: Told | None
    others: tuple[Told, ...]

    @property
    def recognised(self) -> bool:
        """Whether the cause is known, or at least what failed."""
        return self.primary is not None and self.primary.role not in ("unknown", "wrapper")


def _said(ordered: list[Told]) -> Told:
    """The first; a traceback shows the line that raises before the message itself."""
    first = ordered[0]
    same = (told for told in ordered if (told.id, told.rule) == (first.id, first.rule))
    return next((told for told in same if not told.shown.startswith("raise ")), first)


def resolve(found: Iterable[Told]) -> Answer:
    """The first of the strongest kind is primary; in one line the earlier message decides."""
    best: dict[tuple[int, int], Told] = {}
    for told in sorted(found, key=lambda t: (t.line, t.order)):
        best.setdefault((told.line, _RANK[told.role]), told)
    ordered = sorted(best.values(), key=lambda t: (_RANK[t.role], t.line))
    if not ordered:
        return Answer(None, ())
    primary = _said(ordered)
    others: dict[tuple[str, str | None], Told] = {}
    for told in sorted((t for t in ordered if t is not primary), key=lambda t: t.line):
        key = (told.id, told.captures.get("symbol") or told.captures.get("soname"))
        if key != (primary.id, primary.captures.get("symbol") or primary.captures.get("soname")):
            others.setdefault(key, told)
    return Answer(primary, tuple(others.values()))

"""What is said of a message found in a log, after a closer look at what stands around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gpufix.explain.log_scan import Hit
from gpufix.knowledge.messages import Role, compiled


@dataclass(frozen=True, slots=True)
class Told:
    """A message with its meaning. `rule` None: explained without a rule of the catalogue.

    `open`: other rules that the text alone cannot tell from this one.
    """

    id: str
    rule: str | None
    role: Role
    what: str
    do: str
    source: str
    versions: str | None
    line: int
    order: int
    shown: str
    captures: Mapping[str, str]
    notes: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    def but(self, note: str | None = None, **changes: object) -> Told:
        """The same with other words."""
        notes = (*self.notes, note) if note else self.notes
        # replace() takes any field; mypy asks for one type of all.
        return replace(self, notes=notes, **changes)  # type: ignore[arg-type]


Refiner = Callable[[Told, Hit], Told | None]


def tell(hit: Hit) -> Told | None:
    """The meaning of a hit; None when what stands around it speaks against it."""
    message = hit.message
    if message.near and not _any_stands(message.near, hit):
        return None
    if message.unless and _any_stands(message.unless, hit):
        return None
    told = Told(
        id=message.id,
        rule=message.rule,
        role=message.role,
        what=message.what,
        do=message.do,
        source=message.source,
        versions=message.versions,
        line=hit.line,
        order=hit.order,
        shown=hit.shown,
        captures=hit.captures,
    )
    if message.refine is not None:
        from gpufix.explain.details import REFINERS

        refined = REFINERS[message.refine](told, hit)
        if refined is None:
            return None
        told = refined
    if told.rule == "RUN806":
        from gpufix.explain.details import memory

        told = memory(told, hit)
    from gpufix.explain.read import weighed

    told = weighed(told, hit.raw)
    return told.but(what=filled(told.what, told.captures), do=filled(told.do, told.captures))


def context(hit: Hit, before: int = 8192, after: int = 8192) -> str:
    """The line with some of what stands around it."""
    return f"{hit.before[max(0, len(hit.before) - before) :]}{hit.shown}{hit.after[:after]}"


def _any_stands(texts: tuple[str, ...], hit: Hit) -> bool:
    around = context(hit)
    return any(compiled(text).search(around) for text in texts)


def filled(text: str, captures: Mapping[str, str]) -> str:
    """`{arch|this GPU}` becomes what was captured as `arch`, else what stands behind the bar."""
    return re.sub(
        r"\{(\w+)\|([^{}]*)\}|\{(\w+)\}",
        lambda m: captures.get(m[1] or m[3]) or m[2] or "…",
        text,
    )

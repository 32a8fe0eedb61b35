"""What is said of a message found in a log, after a closer look at what stands around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from gpufix.explain.log_scan import Hit
from gpufix.knowledge.messages import Role


@dataclass(frozen=True, slots=True)
class Explanation:
    """A message with its meaning. `rule` None: explained without a rule of the catalogue.

    `open`: other rules that the text alone cannot tell from this one. `handled`: an absence that a
    program was about to handle when another exception came.
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
    handled: bool = False

    def but(self, note: str | None = None, **changes: object) -> Explanation:
        """The same with other words."""
        notes = (*self.notes, note) if note else self.notes
        # replace() takes any field; mypy asks for one type of all.
        return replace(self, notes=notes, **changes)  # type: ignore[arg-type]


class Told(NamedTuple):
    """The cause and the remedy. `rule`: what it is, where the message's row names none; `package`: whose release it is about."""

    what: str
    do: str
    rule: str | None = None
    package: str = ""

    def of(self, explanation: Explanation) -> Explanation:
        """The explanation with them."""
        about = {"package": self.package} if self.package else {}
        return explanation.but(
            what=self.what,
            do=self.do,
            rule=explanation.rule or self.rule,
            captures={**explanation.captures, **about},
        )


def without_row(
    name: str,
    role: Role,
    what: str,
    do: str,
    shown: str,
    *,
    source: str = "the message",
    line: int = 0,
) -> Explanation:
    """What is read off a text that no row of the messages knows. `name`: its id."""
    return Explanation(
        id=name,
        rule=None,
        role=role,
        what=what,
        do=do,
        source=source,
        versions=None,
        line=line,
        order=0,
        shown=shown,
        captures={},
    )


Refiner = Callable[[Explanation, Hit], Explanation | None]


def context(hit: Hit, before: int = 8192, after: int = 8192) -> str:
    """The line with some of what stands around it."""
    return f"{hit.before[max(0, len(hit.before) - before) :]}{hit.shown}{hit.after[:after]}"


def filled(text: str, captures: Mapping[str, str]) -> str:
    """`{arch|this GPU}` becomes what was captured as `arch`, else what stands behind the bar."""
    return re.sub(
        r"\{(\w+)\|([^{}]*)\}|\{(\w+)\}",
        lambda m: captures.get(m[1] or m[3]) or m[2] or "…",
        text,
    )

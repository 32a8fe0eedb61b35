"""`gpufix fix` on a terminal: asks which plans to apply, and says what it is doing meanwhile."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

    from gpufix.engine.run.propose import Proposed
    from gpufix.model import Held, Plan, Proposal


def can_ask() -> bool:
    """Whether somebody sits before it: never in a pipe, and never in CI."""
    there = sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()
    return there and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


class Quit(Exception):
    """The user wants nothing done."""


def consent(proposal: Proposal, say: Callable[[str], None]) -> tuple[bool, list[Plan]]:
    """Whether the plans at hand are wanted, and the unsafe ones that are. Raises Quit."""
    from gpufix.text.clean import counted

    asked = list(unsafe_of(proposal))
    ready = proposal.plans and not proposal.refused
    wanted = False
    if ready:
        number = counted(len(proposal.plans), "plan")
        wanted = _answered(f"Apply {number} that can be undone?", proposal, None, say)
    chosen = [
        row.plan
        for row in asked
        if _answered(f"Also {row.plan.title}? It changes a version you chose.", proposal, row, say)
    ]
    return wanted, chosen


def unsafe_of(proposal: Proposal) -> Sequence[Held]:
    """The plans that only wait for consent."""
    return [row for row in proposal.held if row.plan.safety == "unsafe" and row.steps]


def _answered(
    question: str, proposal: Proposal, held: Held | None, say: Callable[[str], None]
) -> bool:
    """Yes or no; d shows the steps again, q quits. Raises Quit."""
    from gpufix.report import plans
    from gpufix.text.clean import clean

    while True:
        try:
            typed = input(f"{clean(question)} [y]es [n]o [d]iff [q]uit: ").strip().lower()
        except EOFError:
            raise Quit from None
        if typed in ("y", "yes"):
            return True
        if typed in ("n", "no", ""):
            return False
        if typed in ("q", "quit"):
            raise Quit
        if typed in ("d", "diff"):
            plans.steps(proposal.steps if held is None else held.steps).print()
        else:
            say("type y, n, d or q")


def narrowed(proposed: Proposed, wanted: bool, unsafe: Sequence[Plan], every: Proposed) -> Proposed:
    """What was agreed to. `every`: the same proposal with all unsafe plans among its own."""
    kept = [*(proposed.choice.plans if wanted else ()), *unsafe]
    others = [plan for plan in every.choice.plans if plan.finding not in {p.finding for p in kept}]
    return replace(every.without(others), unsafe=bool(unsafe))


_SHOWN = 60  # characters of the last line of a log


class Live:
    """What a repair does now: phase, elapsed time, the tail of a log. Off a terminal, plain lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._plain = say
        self._status: Status | None = None
        self._phase, self._begin = "", 0.0

    def __enter__(self) -> Live:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("starting …", spinner="dots")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def say(self, line: str) -> None:
        """A phase begins."""
        self._phase, self._begin = line, time.monotonic()
        if self._status is None:
            self._plain(line)
        else:
            self.tick("")

    def tick(self, tail: str) -> None:
        """The phase goes on; `tail`: the last line that its program printed."""
        if self._status is None:
            return
        from rich.markup import escape

        from gpufix.text.clean import clean

        seconds = time.monotonic() - self._begin
        elapsed = f" {seconds:.0f} s" if seconds >= 1 else ""
        shown = f"\n  {clean(tail)[:_SHOWN]}" if tail.strip() else ""
        self._status.update(escape(f"{clean(self._phase)}{elapsed}{shown}"))

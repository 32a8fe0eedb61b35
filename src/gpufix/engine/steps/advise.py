"""Advice: printed, never run."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.engine.journal.listing import Scope
from gpufix.engine.run_context import RunContext
from gpufix.model import Advise


def check(step: Advise, context: RunContext) -> None:
    """Nothing can stand in its way."""


def scopes(step: Advise, context: RunContext) -> Sequence[Scope]:
    """It touches nothing."""
    return ()


def run(step: Advise, context: RunContext) -> None:
    """Tell the user."""
    context.say(f"{step.text} {step.command or ''}".strip())

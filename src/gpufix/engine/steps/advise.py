"""Advice: printed, never run."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.engine.context import Context
from gpufix.engine.scope import Scope
from gpufix.model import Advise


def check(step: Advise, context: Context) -> None:
    """Nothing can stand in its way."""


def scopes(step: Advise, context: Context) -> Sequence[Scope]:
    """It touches nothing."""
    return ()


def run(step: Advise, context: Context) -> None:
    """Tell the user."""
    context.say(f"{step.text} {step.command or ''}".strip())

"""Remove: a file, a link (never what it leads to) or a folder tree."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from gpufix.engine.journal.listing import Scope
from gpufix.engine.run_context import RunContext, inside, writable
from gpufix.model import Remove


def check(step: Remove, context: RunContext) -> None:
    """It lies inside, and its folder can be written. One that is gone already is no fault."""
    path = inside(step.path, context.facts)
    if os.path.lexists(path):
        writable(os.path.dirname(path))


def scopes(step: Remove, context: RunContext) -> Sequence[Scope]:
    """The path and all below it: only unlinked, hence kept by hard links."""
    return (Scope(inside(step.path, context.facts)),)


def run(step: Remove, context: RunContext) -> None:
    """Delete it."""
    path = inside(step.path, context.facts)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)

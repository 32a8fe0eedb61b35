"""Remove: a file, a link (never what it leads to) or a folder tree."""

from __future__ import annotations

import os
from collections.abc import Sequence

from gpufix.engine.journal.listing import Scope
from gpufix.engine.run_context import RunContext, StepFailed, inside, writable
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
    """Delete it, unless somebody has written in it since it was kept. Raises StepFailed."""
    path = inside(step.path, context.facts)
    for folder, folders, files in () if os.path.islink(path) else os.walk(path, topdown=False):
        links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
        for name in (*files, *links):
            _unlink(f"{folder}/{name}", context)
        try:
            os.rmdir(folder)
        except OSError as error:
            raise StepFailed(f"{folder}: {error.strerror}") from None
    if os.path.lexists(path):
        _unlink(path, context)


def _unlink(path: str, context: RunContext) -> None:
    if not context.kept(path):
        raise StepFailed(f"{path} is not removed: somebody has just written it")
    os.unlink(path)

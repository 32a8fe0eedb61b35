"""What a command that only looks says of a run that was cut off on its patient."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufix.model import Facts


def say_cut_off(facts: Facts) -> None:
    """On standard error: what is found may be that run's half of a repair."""
    from gpufix.facts.python.environment import state_dir

    state, project = state_dir(), facts.project.root if facts.project else None
    prefix = os.path.realpath(facts.python.prefix) if facts.python else None
    if prefix is None or not ((state / "runs").is_dir() or _has_attributes(prefix, project)):
        return  # most have no run: nothing more is imported

    from gpufix.engine.journal import programs, runs
    from gpufix.engine.run_context import Busy
    from gpufix.text.clean import clean

    said = runs.cut_off(state, prefix, project)
    if said is None:
        return
    waiting = runs.interrupted(state, prefix, project)
    try:
        if waiting is not None:
            programs.refuse_running(waiting)
    except Busy as error:
        said = str(error)
    print(f"gpufix: {clean(said)}", file=sys.stderr)


def _has_attributes(*folders: str | None) -> bool:
    """Another user's or state directory's run leaves one on each."""
    with suppress(OSError, AttributeError):
        return any(os.listxattr(folder) for folder in folders if folder)
    return False

"""Whether the folders that a run changed are still where they were."""

from __future__ import annotations

import os
from typing import Literal

from gpufix.engine.errors import Refused
from gpufix.engine.runs import Run

Whereabouts = Literal["there", "gone", "moved"]


def whereabouts(folder: str) -> Whereabouts:
    """Of a folder that was recorded with all links resolved; "moved": a link is in its place."""
    if os.path.islink(folder):
        return "moved"
    return "there" if os.path.isdir(folder) else "gone"


def require_there(run: Run) -> None:
    """Undo puts files back to where they were: Refused, where that would be another place."""
    for what, folder in (("environment", run.prefix), ("project", run.begin.get("project"))):
        if not folder or not _changed_in(run, str(folder)):
            continue
        state = whereabouts(str(folder))
        if state == "gone":
            raise Refused(
                f"run {run.id} changed the {what} {folder}, which is no longer there: move it back and "
                f"undo again, or give the run up with `gpufix undo --forget {run.id}`"
            )
        if state == "moved":
            raise Refused(
                f"run {run.id} changed the {what} {folder}, where there now is a link to "
                f"{os.path.realpath(folder)}: move the folder back to where it was, then undo again"
            )


def _changed_in(run: Run, folder: str) -> bool:
    """Whether a step could have changed something in the folder."""
    scopes = [row["scope"]["path"] for r in run.rows if r["type"] == "guard" for row in r["scopes"]]
    return any(path == folder or path.startswith(f"{folder}/") for path in scopes)

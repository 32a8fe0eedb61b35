"""The temporary folder of a run's programs: what a killed one left there goes with the run."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress

from gpufix.engine.journal.journal import Journal
from gpufix.engine.journal.runs import Run
from gpufix.engine.run_context import RunContext

_PREFIX = "gpufix-"


def make(journal: Journal, context: RunContext) -> dict[str, str]:
    """The variables with a new TMPDIR, in the one that the user has chosen. Raises OSError."""
    assert context.folder is not None
    above = context.environ.get("TMPDIR")
    if not above or not os.path.isdir(above):
        above = tempfile.gettempdir()
    place = os.path.join(os.path.abspath(above), f"{_PREFIX}{context.folder.name}")
    journal.append("temporary", folder=place)
    os.mkdir(place, 0o700)
    return {**context.environ, "TMPDIR": place}


def remove(run: Run) -> None:
    """Delete it with all that a killed program left there."""
    row = run.row("temporary")
    if row is None or os.path.basename(row["folder"]) != f"{_PREFIX}{run.id}":
        return
    with suppress(OSError):
        status = os.lstat(row["folder"])
        # Since a restart, somebody else may have taken the name.
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.stat(run.folder).st_uid:
            shutil.rmtree(row["folder"], ignore_errors=True)

"""A mark on each folder that an unfinished run may change, for gpufix of another user or state directory.

It is an extended attribute: no file appears, and no time moves. File systems without them carry none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpufix.engine.journal.listing import MARK
from gpufix.engine.journal.lock import folders


def put(run: Path, begin: Mapping[str, Any]) -> None:
    """Mark the environment and the project of a run, as its first row names them."""
    for folder in folders(begin.get("prefix", ""), begin.get("project")):
        with suppress(OSError):
            os.setxattr(folder, MARK, json.dumps([folder, os.path.realpath(run)]).encode())


def clear(run: Path, begin: Mapping[str, Any]) -> None:
    """Take this run's marks away."""
    for folder in folders(begin.get("prefix", ""), begin.get("project")):
        with suppress(OSError):
            if named(folder) == Path(os.path.realpath(run)):
                os.removexattr(folder, MARK)


def named(folder: str) -> Path | None:
    """The folder of the run that a folder's own mark names; a copy of it has a copy of the mark."""
    if not hasattr(os, "getxattr"):  # Windows
        return None
    try:
        where, run = json.loads(os.getxattr(folder, MARK))
    except (OSError, ValueError, TypeError):
        return None
    whole = isinstance(run, str) and os.path.isabs(run) and where == folder
    return Path(run) if whole else None

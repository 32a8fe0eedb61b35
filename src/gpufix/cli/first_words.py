"""What a terminal shows before anything is loaded: that gpufix works, and on which environment."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

_LOOKING = ("doctor", "fix", "recommend", "snapshot", "build", "env")
_shown = False


def say(arguments: list[str]) -> None:
    """A line on standard error, when that is a terminal and the command reads an environment."""
    global _shown
    if not arguments or arguments[0] not in _LOOKING or not sys.stderr.isatty():
        return
    if {"-h", "--help", "--facts"} & set(arguments):
        return
    sys.stderr.write(f"gpufix: reading {_which(arguments)} …")
    sys.stderr.flush()
    _shown = True


def wipe() -> None:
    """Take the line away before anything else is printed."""
    global _shown
    if _shown:
        _shown = False
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


def _which(arguments: list[str]) -> str:
    """As it was named, else the active one; which one is chosen of a project's is told later."""
    if "--node" in arguments:
        return "the machine"
    named = dict(pairwise([*arguments, ""])).get("--python")
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    shown = named or active or "the environment"
    return shown if shown.isprintable() and len(shown) < 60 else "the environment"

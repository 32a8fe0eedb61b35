"""Where the environment file of a patient and project is kept: the user's state directory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """gpufix's state: $XDG_STATE_HOME/gpufix, else ~/.local/state/gpufix (XDG base directories)."""
    given = environ.get("XDG_STATE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    return base / "gpufix"


def overlay_path(
    prefix: str, project: Path | None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The environment file for this patient and project; it need not exist."""
    key = hashlib.sha256(f"{prefix}\0{project or ''}".encode()).hexdigest()[:16]
    return state_dir(environ) / "env" / f"{key}.json"

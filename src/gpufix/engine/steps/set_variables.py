"""SetVariables: the environment file of this patient and project, in the user's state directory."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpufix.engine.journal.listing import NEW, Scope
from gpufix.engine.journal.lock import make_folder
from gpufix.engine.run_context import Refused, RunContext
from gpufix.engine.steps.write import replace
from gpufix.files import read
from gpufix.model import SetVariables

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIMIT = 1 << 20


def check(step: SetVariables, context: RunContext) -> None:
    """Names are names, values have no NUL, and the state directory is there."""
    for name, value in step.variables.items():
        if not _NAME.fullmatch(name):
            raise Refused(f"{name!r} is not the name of a variable")
        if value is not None and "\0" in value:
            raise Refused(f"the value of {name} holds a NUL")
    _path(context)


def scopes(step: SetVariables, context: RunContext) -> Sequence[Scope]:
    """The environment file, or the folder that has to be made for it."""
    path = _path(context)
    top = path.parent if not path.parent.is_dir() else path
    return (Scope(str(top)), Scope(f"{path}{NEW}")) if top == path else (Scope(str(top)),)


def run(step: SetVariables, context: RunContext) -> None:
    """Rewrite the file with the variables set, or unset (null)."""
    path = _path(context)
    make_folder(path.parent)
    data = rendered({**current(path), **step.variables})
    context.writing(str(path), data)
    replace(str(path), data, mode=0o600)


def rendered(variables: dict[str, str | None]) -> bytes:
    """The environment file's bytes."""
    return (json.dumps({"variables": dict(sorted(variables.items()))}, indent=1) + "\n").encode()


def current(path: Path) -> dict[str, str | None]:
    """What the file holds; nothing when it is absent or no environment file."""
    try:
        found: Any = json.loads(read(path, _LIMIT))["variables"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return dict(found) if isinstance(found, dict) else {}


def _path(context: RunContext) -> Path:
    given = context.facts.environment.overlay_path
    if given is None:
        raise Refused("there is no patient whose environment file could be written")
    if not os.path.isabs(given):
        raise Refused(f"{given} is not an absolute path")
    return Path(given)

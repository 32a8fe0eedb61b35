"""Which program manages a conda prefix: conda, mamba, micromamba or pixi."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePath
from typing import get_args

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import json_text, read_whole, text, why
from gpufix.files import read_end
from gpufix.model import CondaPrefix, Python
from gpufix.model.patient import CondaProgram

_MARKER_LIMIT = 1 << 20
_HISTORY_LIMIT = 1 << 20  # bytes of its end
# As conda and mamba write it: "# cmd: /opt/conda/bin/mamba install numpy".
_COMMAND = re.compile(rb"^# cmd: (\S+)", re.MULTILINE)


def collect(ctx: CollectContext, python: Python | None) -> CondaPrefix | None:
    """None when the patient is no conda environment."""
    if python is None or python.kind != "conda":
        return None
    folder = Path(python.prefix, "conda-meta")
    return _of_pixi(ctx, folder / "pixi") or CondaPrefix(program=_of_history(folder / "history"))


def _of_pixi(ctx: CollectContext, marker: Path) -> CondaPrefix | None:
    """pixi's own marker; what cannot be read there still says that pixi was here."""
    try:
        said = json.loads(read_whole(marker, _MARKER_LIMIT))
        return CondaPrefix(
            program="pixi",
            manifest=json_text(said["manifest_path"]),
            environment=json_text(said["environment_name"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        ctx.gap("distributions", text(str(marker)), f"cannot be read: {why(error)}")
        return CondaPrefix(program="pixi")


def _of_history(history: Path) -> CondaProgram:
    """The program of the last command; conda, where there is no history, or none that is known."""
    try:
        commands = _COMMAND.findall(read_end(history, _HISTORY_LIMIT))
    except OSError:
        return "conda"
    name = PurePath(text(commands[-1])).name if commands else ""
    return next((program for program in get_args(CondaProgram) if program == name), "conda")

"""The environment file of a patient and project, without looking at anything else of them."""

from __future__ import annotations

import os
from pathlib import Path


def overlay_of(python: str | None, project: str | None) -> dict[str, str | None]:
    """The file's variables; empty when there is none. One that cannot be used exits with 2."""
    from gpufix.cli.patient import fail
    from gpufix.facts import environment
    from gpufix.facts import python as interpreter
    from gpufix.facts.context import Context
    from gpufix.facts.overlay import overlay_path
    from gpufix.facts.project import locate

    # Only the environment file is wanted: no profile is read.
    ctx = Context(home=Path(os.devnull))
    try:
        root = locate(project, Path.cwd())
        patient = interpreter.collect(ctx, python)
    except (interpreter.NotPython, NotADirectoryError) as error:
        raise fail(str(error)) from None
    if patient is None:
        raise fail("there is no Python here: name one with --python")
    path = overlay_path(patient.prefix, root, ctx.environ)
    found = environment.collect(ctx, path).overlay
    broken = next((g for g in ctx.gaps if g.subject == str(path)), None)
    if broken:
        raise fail(f"{path}: {broken.reason}")
    return found

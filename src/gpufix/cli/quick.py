"""`gpufix inspect FILE…` without Typer, whose start-up takes longer than the inspection itself.

It is run on thousands of files in loops. Only the plain form is served here (existing files, -v,
--format); whatever else is asked goes the ordinary way, which has the same options and more.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_FORMS = ("text", "json")


def inspect(arguments: Sequence[str]) -> bool:
    """Serve the command; False when Typer must."""
    plain = _plain(arguments)
    if plain is None:
        return False
    files, form, verbose = plain
    from gpufix.inspection.run import run
    from gpufix.inspection.subject import CannotInspect

    try:
        sys.stdout.write(run(files, as_json=form == "json", verbose=verbose))
    except CannotInspect:
        return False  # Typer's way reports it
    return True


def _plain(arguments: Sequence[str]) -> tuple[list[str], str, bool] | None:
    files: list[str] = []
    form, verbose = "text", False
    rest = iter(arguments)
    for argument in rest:
        if argument == "--format":
            form = next(rest, "")
        elif argument in ("-v", "--verbose"):
            verbose = True
        elif not argument.startswith("-") and Path(argument).exists():
            files.append(argument)
        else:
            return None
    return (files, form, verbose) if files and form in _FORMS else None

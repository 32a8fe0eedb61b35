"""The folder by which the runs of `fix` know a patient, whether or not its interpreter still runs."""

from __future__ import annotations

import os
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.python.choice import chosen
from gpufix.facts.python.interpreter import NoInterpreter, collect
from gpufix.frozen import Frozen


class Prefix(Frozen):
    """`path`: links resolved; None = no environment. `error`: why it cannot be asked itself."""

    path: str | None
    error: NoInterpreter | None = None


def find(ctx: CollectContext, executable: str | None, project: Path | None) -> Prefix:
    """Of the patient that `executable` names, or of the one that `collect` would choose.

    An environment that a repair has broken half-way still is that folder, and so is one that is
    gone: both are told from the path alone.
    """
    given = chosen(ctx, project) if executable is None else executable
    if given is None:
        return Prefix(None)
    try:
        python = collect(ctx, given)
    except NoInterpreter as error:
        folder = _folder(given)
        return Prefix(os.path.realpath(folder) if folder else None, error)
    return Prefix(os.path.realpath(python.prefix) if python else None)


def _folder(given: str) -> Path | None:
    """The environment that a path lies in: itself, or the folder around bin/python."""
    if "\0" in given or os.sep not in given:
        return None
    path = Path(given).expanduser().absolute()
    if path.parent.name == "bin":
        return path.parents[1]
    return None if path.is_file() else path

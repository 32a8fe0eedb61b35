"""Appends variables to the file that $GITHUB_ENV names, for the later steps of a workflow."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from gpufix.model import SetVariables, Step

# The runner refuses these from a file.
_REFUSED = ("NODE_OPTIONS",)
_REFUSED_PREFIXES = ("GITHUB_", "RUNNER_")


def append(steps: Iterable[Step], environ: Mapping[str, str]) -> list[str]:
    """Write the variables of all steps, if the file is named; returns notes for the outcome."""
    given = environ.get("GITHUB_ENV", "")
    variables: dict[str, str | None] = {}
    for step in steps:
        if isinstance(step, SetVariables):
            variables |= step.variables
    wanted = {n: v for n, v in variables.items() if not n.startswith(_REFUSED_PREFIXES)}
    wanted = {n: v for n, v in wanted.items() if n not in _REFUSED}
    if not os.path.isabs(given) or not wanted:
        return []
    try:
        with Path(given).open("ab") as file:
            file.write("".join(block(n, v or "") for n, v in sorted(wanted.items())).encode())
    except OSError as error:
        return [f"$GITHUB_ENV could not be written: {error.strerror}"]
    emptied = sorted(n for n, v in wanted.items() if v is None)
    notes = [f"appended to $GITHUB_ENV: {', '.join(sorted(wanted))}"]
    return notes + (
        [f"$GITHUB_ENV cannot unset: {', '.join(emptied)} made empty"] if emptied else []
    )


def block(name: str, value: str) -> str:
    """NAME<<delimiter, value, delimiter: no value can end it early, for the delimiter is random.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions#multiline-strings
    """
    delimiter = f"gpufix_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"

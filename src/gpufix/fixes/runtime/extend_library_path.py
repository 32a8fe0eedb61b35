"""Have the loader search the folder in which a missing library lies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from posixpath import dirname

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, SetVariables
from gpufix.model.payload import MissingLibrary, UnsearchedLibraries

NAME = "extend-library-path"
_VARIABLE = "LD_LIBRARY_PATH"


@fix(NAME, "SYM402", "WHL509")
def extend_library_path(finding: Finding, view: View) -> Plan | None:
    """By LD_LIBRARY_PATH, for a library that is installed and that nothing opens before."""
    if not isinstance(finding.payload, (MissingLibrary, UnsearchedLibraries)):
        return None
    folders = list(dict.fromkeys(map(dirname, finding.payload.held)))
    if not folders:
        return None
    return finding.plan(
        NAME,
        "unsafe",
        f"have the loader search {', '.join(folders)}",
        extended(view, folders),
        notes=[f"every program that runs with {_VARIABLE} searches there first"],
    )


def extended(view: View, folders: Iterable[str]) -> SetVariables:
    """The variable with these folders behind those that it names."""
    named = [part for part in re.split("[:;]", view.env(_VARIABLE) or "") if part]
    return SetVariables(variables={_VARIABLE: ":".join(dict.fromkeys([*named, *folders]))})

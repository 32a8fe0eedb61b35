"""Take a folder out of LD_LIBRARY_PATH that puts an unfit copy of a library first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from posixpath import dirname, normpath

from gpufix.evidence.declared import declared
from gpufix.evidence.view import View
from gpufix.fixes.pins import as_declared
from gpufix.fixes.registry import fix
from gpufix.knowledge.data_table import at_least
from gpufix.model import Finding, Install, Plan, SetVariables, Skip, Step
from gpufix.model.payload import UnfitLibrary

NAME = "trim-library-path"
_VARIABLE = "LD_LIBRARY_PATH"


@fix(NAME, "ABI302", "SYM403")
def trim_library_path(finding: Finding, view: View) -> Plan | Skip | None:
    """Only where the copy that is found next will do: the wheel that torch pins, the system's own."""
    unfit = finding.payload_as(UnfitLibrary)
    folder = put_first(unfit, view)
    if folder is None:
        return None
    pinned = next((n for n in unfit.wheels if isinstance(as_declared(view, n), Install)), None)
    if pinned is None and not _system_has(unfit, view):
        reason = f"{folder} stands in {_VARIABLE}; no other copy is known here that would do"
        return finding.skip(NAME, reason)
    kept = [part for part in _parts(view) if normpath(part) != folder]
    steps: list[Step] = [SetVariables(variables={_VARIABLE: ":".join(kept) or None})]
    dist, step = view.dist(pinned or ""), as_declared(view, pinned or "")
    if isinstance(step, Install) and (
        dist is None or not declared(view, dist.name).allows(dist.version)
    ):
        steps.append(step)
    lines = view.facts.environment.profile.get(_VARIABLE, [])
    return finding.plan(
        NAME,
        "safe",
        f"take {folder} out of {_VARIABLE}",
        *steps,
        notes=[f"set by {line}" for line in lines],
        for_this_torch=pinned is not None,
    )


def put_first(unfit: UnfitLibrary, view: View) -> str | None:
    """The folder of LD_LIBRARY_PATH, outside of the environment, in which the copy was found."""
    sites = view.facts.python.site_dirs if view.facts.python else []
    folder = dirname(unfit.path or "").partition("/glibc-hwcaps/")[0]
    inside = any(f"{folder}/".startswith(f"{site}/") for site in sites)
    if inside or unfit.chosen_by not in (_VARIABLE, None):
        return None  # None: what was loaded before found it
    return folder if folder in map(normpath, _parts(view)) else None


def _parts(view: View) -> Sequence[str]:
    return re.split("[:;]", view.env(_VARIABLE) or "")


def _system_has(unfit: UnfitLibrary, view: View) -> bool:
    """Whether the system's libstdc++ is another copy, and defines every version."""
    host = view.facts.host
    highest = {"GLIBCXX": host.glibcxx, "CXXABI": host.cxxabi}
    asked = [version.partition("_")[::2] for version in unfit.versions]
    enough = [(has := highest.get(family)) and at_least(has, v) for family, v in asked]
    return bool(enough) and all(enough) and unfit.path != host.libstdcxx

"""Load a newer libstdc++ that is here before the older one."""

from __future__ import annotations

import re

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.trim_library_path import put_first
from gpufix.knowledge.data_table import at_least, numbers
from gpufix.model import CxxLibrary, Finding, Plan, SetVariables, Skip
from gpufix.model.payload import UnfitLibrary

NAME = "preload-libstdcxx"
_VARIABLE = "LD_PRELOAD"


@fix(NAME, "ABI302")
def preload_libstdcxx(finding: Finding, view: View) -> Plan | Skip | None:
    """By LD_PRELOAD, of the copies of conda and of the system the one that defines every version.

    A newer libstdc++ serves what was linked with an older one.
    """
    unfit = finding.payload_as(UnfitLibrary)
    if any(version.startswith("GLIBC_") for version in unfit.versions) or put_first(unfit, view):
        return None
    copies = view.facts.host.cxx_libraries
    serving = [
        c for c in copies if c.path != unfit.path and all(_defines(c, v) for v in unfit.versions)
    ]
    if not serving:
        return finding.skip(NAME, f"no libstdc++ that is here defines {unfit.versions[-1]}")
    chosen = max(serving, key=lambda c: numbers(c.glibcxx or ""))
    before = re.split("[ :]+", view.env(_VARIABLE) or "")
    return finding.plan(
        NAME,
        "safe",
        f"load {chosen.path} first, which has {unfit.versions[-1]}",
        SetVariables(variables={_VARIABLE: ":".join(filter(None, [chosen.path, *before]))}),
    )


def _defines(copy: CxxLibrary, version: str) -> bool:
    family, _, number = version.partition("_")
    highest = {"GLIBCXX": copy.glibcxx, "CXXABI": copy.cxxabi}.get(family)
    return highest is not None and bool(numbers(number)) and at_least(highest, number)

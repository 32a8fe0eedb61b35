"""A cmake that a project's configure takes, or the policies that it refuses."""

from __future__ import annotations

from gpufix.evidence.cmake_builds import roots, run
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Install, Plan, SetVariables, Skip
from gpufix.model.source_payload import CMakeNeed

NAME = "meet-cmake-need"
_LIFTS = "CMAKE_POLICY_VERSION_MINIMUM"


@fix(NAME, "TCH207")
def meet_cmake_need(finding: Finding, view: View) -> Plan | Skip | None:
    """The package cmake for a newer one; a variable of CMake 4 for old policies."""
    need = finding.payload
    if not isinstance(need, CMakeNeed):
        return None
    if need.kind == "FindCUDA":
        reason = "the project is to use CMake's CUDA language, or cmake_policy(SET CMP0146 OLD)"
        return finding.skip(NAME, reason)
    if need.kind == "policy" and not _is_lifted(view, need):
        return finding.skip(NAME, f"{_LIFTS}={need.release} does not let the configure go on")
    if need.kind == "policy":
        title = f"set {_LIFTS} to {need.release}"
        step: Install | SetVariables = SetVariables(variables={_LIFTS: need.release})
    else:
        title = f"install cmake {need.release} or newer"
        step = Install(install=[f"cmake>={need.release}"], dependencies=True)
    return finding.plan(NAME, "unsafe", title, step)


def _is_lifted(view: View, need: CMakeNeed) -> bool:
    """Whether the configure, run again with the variable, gets beyond the policies."""
    root = next((r for r in roots(view) if r.path == need.root), None)
    if root is None:
        return False
    end = run(view, root.path, root.defines, {_LIFTS: need.release}).fails
    return end is None or end.error != "policy"

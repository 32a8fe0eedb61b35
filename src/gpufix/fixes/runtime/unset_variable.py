"""Unset a variable that does harm."""

from __future__ import annotations

from gpufix.evidence.profiles import setting_lines
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, SetVariables
from gpufix.model.payload import EnvironmentVariable


@fix("unset-variable", "RUN804", "RUN805", "WHL509")
def unset_variable(finding: Finding, view: View) -> Plan | None:
    """Unset it in the environment file; the shell line that sets it is named."""
    if not isinstance(finding.payload, EnvironmentVariable):
        return None
    name = finding.payload.name
    lines = setting_lines(view, name)
    return Plan(
        fix="unset-variable",
        codes=[finding.code],
        subjects=[name],
        title=f"unset {name}",
        safety="safe",
        steps=[SetVariables(variables={name: None})],
        notes=[f"set by {line}" for line in lines],
    )

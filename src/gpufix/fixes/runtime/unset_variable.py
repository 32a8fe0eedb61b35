"""Unset a variable that does harm."""

from __future__ import annotations

from gpufix.evidence.profiles import setting_lines
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, SetVariables, Skip
from gpufix.model.payload import EnvironmentVariable, Switched


@fix("unset-variable", "RUN801", "RUN804", "RUN805", "WHL509")
def unset_variable(finding: Finding, view: View) -> Plan | Skip | None:
    """Unset it in the environment file; the shell line that sets it is named.

    What code sets when Python starts comes back: there a value that leaves it off takes its place.
    """
    payload, value = finding.payload, None
    if isinstance(payload, Switched):
        value = payload.off
        if payload.by and value is None:
            return finding.skip("unset-variable", f"{payload.by} sets it whenever Python starts")
        name = payload.variable
    elif isinstance(payload, EnvironmentVariable) and finding.code != "RUN801":
        name, value = payload.name, payload.rest
    else:
        return None
    lines = setting_lines(view, name)
    return finding.plan(
        "unset-variable",
        "safe",
        f"unset {name}" if value is None else f"set {name} to {value}",
        SetVariables(variables={name: value}),
        subjects=[name],
        notes=[f"set by {line}" for line in lines],
    )

"""Choose a back end that is installed."""

from __future__ import annotations

from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, SetVariables, Skip
from gpufix.view import View


@fix("choose-backend", "RUN801")
def choose_backend(finding: Finding, view: View) -> Plan | Skip:
    """Attention falls back on torch's own SDPA, which needs no package."""
    name = finding.data["variable"]
    usable = finding.data.get("usable")
    if usable:
        return _plan(name, usable[0])
    if usable is not None or "ATTN" not in name:
        return Skip(
            fix="choose-backend",
            code="RUN801",
            subject=name,
            reason="no value of this variable works without one of its packages",
        )
    return _plan(name, "sdpa")


def _plan(name: str, value: str) -> Plan:
    own = "torch's own attention (sdpa)" if value == "sdpa" else value
    return Plan(
        fix="choose-backend",
        codes=["RUN801"],
        subjects=[name],
        title=f"set {name} to {own}",
        safety="safe",
        steps=[SetVariables(variables={name: value})],
    )

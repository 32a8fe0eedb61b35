"""Reinstall a distribution whose files are gone or altered."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.pins import reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Skip
from gpufix.model.payload import DamagedDistribution


@fix("reinstall-distribution", "WHL503", "SYM405")
def reinstall_distribution(finding: Finding, view: View) -> Plan | Skip:
    """Install the same version again; nothing else moves.

    For what conda installed the plan names the `conda install` command.
    """
    damaged = finding.payload_as(DamagedDistribution)
    name, version = damaged.distribution, damaged.version or ""
    dist = view.dist(name)
    reason = why_not(dist) if dist and dist.source != "conda" else None
    reason = reason or (None if version else "its version is not known")
    reason = "its file is as it was installed" if damaged.sound else reason
    torch = view.facts.torch
    if name == "torch" and torch and torch.build in ("nightly", "container", "source"):
        reason = f"torch is a {torch.build} build, which no index offers again"
    if reason:
        return Skip(fix="reinstall-distribution", code=finding.code, subject=name, reason=reason)
    return Plan(
        fix="reinstall-distribution",
        codes=[finding.code],
        subjects=[name],
        title=f"reinstall {name} {version}",
        safety="safe",
        steps=[reinstall(name, version)],
    )

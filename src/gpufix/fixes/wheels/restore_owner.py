"""Give a file that two distributions own back to the one that the environment needs."""

from __future__ import annotations

from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fixes.pins import reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, Skip
from gpufix.model.payload import FileOwners


@fix("restore-owner", "WHL502")
def restore_owner(finding: Finding, view: View) -> Plan | Skip:
    """Reinstall the owner that something requires, when exactly one is required."""
    required = view.derive(Requirements.of).required_by
    owners = [d for name in finding.payload_as(FileOwners).owners if (d := view.dist(name))]
    needed = [d for d in owners if required.get(d.name)]
    if len(needed) != 1:
        how_many = "none" if not needed else "more than one"
        reason = f"{how_many} of {finding.subject} is required by an installed package"
        return Skip(fix="restore-owner", code="WHL502", subject=finding.subject, reason=reason)
    owner = needed[0]
    reason_not = why_not(owner)
    if reason_not:
        return Skip(fix="restore-owner", code="WHL502", subject=owner.name, reason=reason_not)
    return Plan(
        fix="restore-owner",
        codes=["WHL502"],
        subjects=[owner.name],
        title=f"reinstall {owner.name} {owner.version}, which is required",
        safety="safe",
        steps=[reinstall(view, owner.name, owner.version)],
    )

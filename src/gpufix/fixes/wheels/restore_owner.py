"""Give a file that two distributions own back to the one that the environment needs."""

from __future__ import annotations

from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable, reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Install, Plan, Skip
from gpufix.model.payload import FileOwners


@fix("restore-owner", "WHL502")
def restore_owner(finding: Finding, view: View) -> Plan | Skip:
    """Remove the owners that nothing requires, and reinstall the one that something does.

    While several own the files, each removal or update takes them from the others again.
    """
    required = view.derive(Requirements.of).required_by
    owners = [d for name in finding.payload_as(FileOwners).owners if (d := view.dist(name))]
    needed = [d for d in owners if required.get(d.name)]
    if len(needed) != 1:
        how_many = "none" if not needed else "more than one"
        reason = f"{how_many} of {finding.subject} is required by an installed package"
        return Skip(fix="restore-owner", code="WHL502", subject=finding.subject, reason=reason)
    owner = needed[0]
    others = [d for d in owners if d is not owner]
    reason_not = next(filter(None, [why_not(owner), *map(immovable, others)]), None)
    if reason_not:
        return Skip(fix="restore-owner", code="WHL502", subject=owner.name, reason=reason_not)
    gone = [d.name for d in others]
    return Plan(
        fix="restore-owner",
        codes=["WHL502"],
        subjects=[owner.name],
        title=f"remove {', '.join(gone)}, and reinstall {owner.name} {owner.version}, which is required",
        safety="unsafe" if any(d.requested for d in others) else "safe",
        steps=[Install(uninstall=gone), reinstall(view, owner.name, owner.version)],
    )

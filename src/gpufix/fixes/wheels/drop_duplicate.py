"""Leave one copy of a package that is installed twice."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.pins import reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Install, Plan, Skip
from gpufix.model.payload import DistributionFault


@fix("drop-duplicate", "WHL507")
def drop_duplicate(finding: Finding, view: View) -> Plan | Skip:
    """Remove the copies and install the one that Python takes now."""
    copies = view.dists(finding.payload_as(DistributionFault).distribution)
    blocked = next((reason for d in copies if (reason := why_not(d))), None)
    if blocked:
        return Skip(fix="drop-duplicate", code="WHL507", subject=finding.subject, reason=blocked)
    first = copies[0]
    return Plan(
        fix="drop-duplicate",
        codes=["WHL507"],
        subjects=[first.name],
        title=f"remove every {first.name} and install {first.version} again",
        safety="unsafe",
        steps=[Install(uninstall=[first.name]), reinstall(first.name, first.version)],
    )

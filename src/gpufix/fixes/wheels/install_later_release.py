"""Install a later release of a package whose library the loader refuses as it was published."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable
from gpufix.fixes.registry import fix
from gpufix.fixes.wheels.resolve_conflict import has_later
from gpufix.knowledge import families, listings
from gpufix.model import Finding, Install, Plan, Skip
from gpufix.model.payload import DamagedDistribution

NAME = "install-later-release"


@fix(NAME, "SYM405")
def install_later_release(finding: Finding, view: View) -> Plan | Skip | None:
    """The newest one, at which nothing else moves; whether the loader takes its files is looked at afterwards."""
    fault = finding.payload_as(DamagedDistribution)
    dist = view.dist(fault.distribution)
    if dist is None or not fault.sound or fault.static_tls:
        return None
    if not families.releases(dist.name) and listings.key(dist.name) is None:
        return None
    reason = immovable(dist)
    if reason is None and not has_later(dist):
        reason = f"no release of {dist.name} after {dist.version} is listed"
    if reason:
        return finding.skip(NAME, reason)
    wanted = f"{dist.name}>{dist.version}"
    return finding.plan(
        NAME,
        "unsafe",
        f"install {wanted}",
        Install(install=[wanted], dependencies=True, freeze=True),
    )

"""Install a newer release, whose published wheel holds code for the GPU."""

from __future__ import annotations

from gpufix.evidence.published import newer_serving
from gpufix.evidence.targets import named
from gpufix.evidence.view import View
from gpufix.fixes.pins import extras_of, immovable
from gpufix.fixes.registry import fix
from gpufix.fixes.wheel_step import install
from gpufix.knowledge import listings
from gpufix.model import Finding, Plan, Skip

NAME = "take-release-for-target"


@fix(NAME, "GPU103")
def take_release_for_target(finding: Finding, view: View) -> Plan | Skip | None:
    """The newest listed release for the installed torch, where it was read from the wheels what GPU code they hold."""
    dist = view.dist(finding.subject)
    if dist is None or not listings.tells_code(dist.name):
        return None
    found = immovable(dist) or newer_serving(dist, view)
    if isinstance(found, str):
        return Skip(fix=NAME, code=finding.code, subject=dist.name, reason=found)
    return Plan(
        fix=NAME,
        codes=[finding.code],
        subjects=[dist.name],
        title=f"install {dist.name} {found.version}, which has code for {named(view.targets)}",
        safety="unsafe",
        steps=[install(found, dist, extras_of(view, dist.name))],
    )

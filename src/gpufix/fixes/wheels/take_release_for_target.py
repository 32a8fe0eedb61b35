"""Install a release, whose published wheel holds code for the GPU."""

from __future__ import annotations

from gpufix.evidence.published import newer_serving, serving_release
from gpufix.evidence.targets import named
from gpufix.evidence.view import View
from gpufix.fixes.pins import extras_of, immovable
from gpufix.fixes.registry import fix
from gpufix.fixes.wheel_step import install
from gpufix.knowledge import families, listings
from gpufix.model import Distribution, Finding, Install, Plan, Skip, Step

NAME = "take-release-for-target"


@fix(NAME, "GPU103")
def take_release_for_target(finding: Finding, view: View) -> Plan | Skip | None:
    """A listed release of whose wheel it was read what GPU code it holds.

    The newest for the installed torch. Without torch: a newer one, else another package of the project, else an older one.
    """
    dist = view.dist(finding.subject)
    if dist is None or not (listings.tells_code(dist.name) or families.code(dist.name)):
        return None
    found = immovable(dist) or _steps(dist, view)
    if isinstance(found, str):
        return finding.skip(NAME, found, subject=dist.name)
    what, steps = found
    return finding.plan(
        NAME,
        "unsafe",
        f"install {what}, which has code for {named(view.targets)}",
        *steps,
        subjects=[dist.name],
    )


def _steps(dist: Distribution, view: View) -> tuple[str, list[Step]] | str:
    """What is installed, and how; or why nothing is."""
    if listings.tells_code(dist.name):
        offer = newer_serving(dist, view)
        if isinstance(offer, str):
            return offer
        return f"{dist.name} {offer.version}", [install(offer, dist, extras_of(view, dist.name))]
    found = serving_release(dist, view)
    if isinstance(found, str):
        return found
    what, steps = f"{found.name} {found.version}", list[Step]()
    if found.name != dist.name:
        what += f" in the place of {dist.name}"
        steps.append(Install(uninstall=[dist.name]))  # they lay the same files
    return what, [*steps, Install(install=[f"{found.name}=={found.version}"], dependencies=True)]

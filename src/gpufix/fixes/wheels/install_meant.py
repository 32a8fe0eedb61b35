"""Install what is meant by a name that another project, or a placeholder, has."""

from __future__ import annotations

from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable
from gpufix.fixes.registry import fix
from gpufix.knowledge import families
from gpufix.model import Advise, Distribution, Finding, Install, Plan, Skip, Step
from gpufix.model.payload import HiddenModule, NameTaken

NAME = "install-meant"


@fix(NAME, "WHL512")
def install_meant(finding: Finding, view: View) -> Plan | Skip:
    """The distribution of another name, or a release of this one that holds something; as far as listed."""
    payload = finding.payload
    if isinstance(payload, HiddenModule):
        text = f"give {payload.path} another name, and what imports it on purpose that name"
        return finding.plan(NAME, "manual", f"rename {payload.path}", Advise(text=text))
    taken = finding.payload_as(NameTaken)
    dist = view.dist(taken.distribution)
    wanted = _wanted(taken, dist) if dist else None
    if dist is None or wanted is None:
        return finding.skip(NAME, taken.meant)
    users = sorted(view.derive(Requirements.of).required_by.get(dist.name, ()))
    blocked = f"{users[0]} requires {dist.name}" if users and taken.instead else immovable(dist)
    if blocked:
        return finding.skip(NAME, blocked)
    steps: list[Step] = [Install(install=[wanted], dependencies=True)]
    if taken.instead:
        steps.insert(0, Install(uninstall=[dist.name]))
    place = f" in the place of {dist.name}" if taken.instead else ""
    return finding.plan(NAME, "unsafe", f"install {wanted}{place}", *steps)


def _wanted(taken: NameTaken, dist: Distribution) -> str | None:
    """What an installer is asked for; None where no listing has it."""
    if taken.instead:
        return taken.instead if families.releases(taken.instead) else None
    listed = [v for v in families.releases(dist.name) if v != dist.version]
    return f"{dist.name}>{dist.version}" if listed else None

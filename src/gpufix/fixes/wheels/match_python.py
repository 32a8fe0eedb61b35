"""Install a package again, or its nearest release, for the Python that is here."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.pins import at, immovable, reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.knowledge import families, listings
from gpufix.knowledge.data_table import numbers
from gpufix.model import Distribution, Finding, Install, Plan, Python, Skip
from gpufix.model.payload import ExtensionModules

NAME = "match-python"


@fix(NAME, "ABI304")
def match_python(finding: Finding, view: View) -> Plan | Skip | None:
    """The same version, where its wheel was one for another Python; else the nearest listed release.

    Of packages that are built for torch, match-torch-family knows the wheels.
    """
    if not isinstance(finding.payload, ExtensionModules):
        return None
    dist, python = view.dist(finding.payload.distribution), view.facts.python
    if dist is None or python is None or not python.version or listings.key(dist.name):
        return None
    if (reason := immovable(dist)) is not None:
        return finding.skip(NAME, reason)
    release = ".".join(python.version.split(".")[:2])
    known = families.for_python(dist.name, release)
    if known is None:
        return _again(finding, view, dist, python)
    newer = [v for v in known if numbers(v) >= numbers(dist.version)]
    if not newer:
        newest = families.releases(dist.name)[0]
        needed = families.pythons(dist.name, newest)
        return finding.skip(
            NAME,
            f"no release of {dist.name} is listed for Python {release}: {newest} is for {needed}",
        )
    wanted = at(view, dist.name, newer[-1])
    return finding.plan(
        NAME,
        "unsafe",
        f"install {wanted}, which is for Python {release}",
        Install(install=[wanted], dependencies=True),
        subjects=[dist.name],
    )


def _again(finding: Finding, view: View, dist: Distribution, python: Python) -> Plan | Skip | None:
    """For a wheel whose tags name another Python: which others there are is the index's to say."""
    tags = {tag.partition("-")[0] for tag in dist.tags}
    if not tags or not all(tag.startswith("cp") for tag in tags) or python.tag in tags:
        return None
    if (reason := why_not(dist)) is not None:
        return finding.skip(NAME, reason)
    return finding.plan(
        NAME,
        "safe",
        f"install {dist.name} {dist.version} again, for Python {python.version}",
        reinstall(view, dist.name, dist.version),
        subjects=[dist.name],
    )

"""Leave one copy of a package that is installed twice."""

from __future__ import annotations

from gpufix.evidence import conda
from gpufix.evidence.installed_copies import condas_packages, is_replaced
from gpufix.evidence.view import View
from gpufix.fixes.pins import reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.model import Advise, CondaPackage, Distribution, Finding, Install, Plan, Skip
from gpufix.model.payload import DistributionFault

NAME = "drop-duplicate"


@fix(NAME, "WHL507")
def drop_duplicate(finding: Finding, view: View) -> Plan | Skip:
    """Remove the copies and install the one that Python takes now."""
    copies = view.dists(finding.payload_as(DistributionFault).distribution)
    package = view.derive(condas_packages).get(copies[0].name)
    if package and is_replaced(package, copies):
        return _give_back(finding, copies[0], package, view)
    blocked = next((reason for d in copies if (reason := why_not(d))), None)
    if blocked:
        return finding.skip(NAME, blocked)
    first = copies[0]
    return finding.plan(
        NAME,
        "unsafe",
        f"remove every {first.name} and install {first.version} again",
        Install(uninstall=[first.name]),
        reinstall(view, first.name, first.version),
        subjects=[first.name],
    )


def _give_back(finding: Finding, dist: Distribution, package: CondaPackage, view: View) -> Plan:
    """conda's files again; or, which is for the user to know, conda's record gone."""
    return finding.plan(
        NAME,
        "manual",
        f"have conda put its {package.name} {package.version} there again",
        Advise(
            text=f"Remove pip's {dist.name} {dist.version} first, as pip removes it.",
            command=conda.reinstall(view.facts, {package.name: package.version}),
        ),
        subjects=[dist.name],
    )

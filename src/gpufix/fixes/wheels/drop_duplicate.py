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
        return _give_back(copies[0], package, view)
    blocked = next((reason for d in copies if (reason := why_not(d))), None)
    if blocked:
        return Skip(fix=NAME, code="WHL507", subject=finding.subject, reason=blocked)
    first = copies[0]
    return Plan(
        fix=NAME,
        codes=["WHL507"],
        subjects=[first.name],
        title=f"remove every {first.name} and install {first.version} again",
        safety="unsafe",
        steps=[Install(uninstall=[first.name]), reinstall(view, first.name, first.version)],
    )


def _give_back(dist: Distribution, package: CondaPackage, view: View) -> Plan:
    """conda's files again; or, which is for the user to know, conda's record gone."""
    return Plan(
        fix=NAME,
        codes=["WHL507"],
        subjects=[dist.name],
        title=f"have conda put its {package.name} {package.version} there again",
        safety="manual",
        steps=[
            Advise(
                text=f"Remove pip's {dist.name} {dist.version} first, as pip removes it.",
                command=conda.reinstall(view.facts, {package.name: package.version}),
            )
        ],
    )

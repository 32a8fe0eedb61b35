"""Install the release of a companion that is made for the installed torch."""

from __future__ import annotations

from packaging.version import Version

from gpufix.evidence.published import published
from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.fixes.pins import extras_of
from gpufix.fixes.registry import fix
from gpufix.fixes.wheel_step import install
from gpufix.knowledge import packages
from gpufix.knowledge.listings import Offer
from gpufix.model import Distribution, Finding, Install, Plan, Skip
from gpufix.model.payload import DistributionFault, OtherCudaMajor, UnchosenLibrary


@fix(
    "match-torch-family",
    "WHL505",
    "WHL509",
    "WHL510",
    "ABI301",
    "ABI304",
    "ABI305",
    "SYM401",
    "SYM404",
)
def match_torch_family(finding: Finding, view: View) -> Plan | Skip | None:
    """Look for a published wheel for this torch; what no listing has is not guessed."""
    if not isinstance(finding.payload, DistributionFault):
        return None  # an address in a file: match-wheel-address
    if finding.code == "WHL509" and not isinstance(finding.payload, UnchosenLibrary):
        return None
    if isinstance(finding.payload, OtherCudaMajor) and not finding.payload.links_torch:
        return None
    name, torch = finding.payload.distribution, view.facts.torch
    own, dist = view.dist("torch"), view.dist(name)
    condas = "conda" in [d.source for d in (own, dist) if d]
    found = _of_conda(name, view) if condas else published(name, view)
    if isinstance(found, Offer) and dist and _lower_major(found, dist):
        found = f"the newest published wheel is of {name} {found.version}, {dist.version} is here"
    if isinstance(found, Offer) and dist and _is_installed(found, dist):
        found = f"{name} {dist.version} is the release for this torch"
    if isinstance(found, str):
        return Skip(fix="match-torch-family", code=finding.code, subject=name, reason=found)
    step = found if isinstance(found, Install) else install(found, dist, extras_of(view, name))
    what = step.install[0].partition(" @ ")[0]
    if isinstance(found, Offer) and what != step.install[0]:
        what = f"{what} {found.version}"  # its address is in the command
    return Plan(
        fix="match-torch-family",
        codes=[finding.code],
        subjects=[name],
        title=f"install {what}, made for torch {torch.release if torch else ''}",
        safety="unsafe",
        steps=[step],
        for_this_torch=True,
    )


def _of_conda(name: str, view: View) -> Install | str:
    """conda's own builds have the same versions."""
    release = view.facts.torch.release if view.facts.torch else None
    known = packages.for_torch(release or "").get(name)
    if known is None or known.find_links or not known.exact:
        return f"which {name} goes with torch {release} is not known here"
    newest = max(known.exact, key=Version)
    return Install(install=[f"{name}=={newest}"], reinstall=True)


def _is_installed(offer: Offer, dist: Distribution) -> bool:
    """Whether it would bring the same again; another index may have another build of it."""
    return offer.index is None and offer.requirement == f"{dist.name}=={dist.version}"


def _lower_major(offer: Offer, dist: Distribution) -> bool:
    """Whether it is of an older generation: another package to those who use it."""
    new, old = version_of(offer.version or ""), version_of(dist.version)
    return new is not None and old is not None and new.major < old.major

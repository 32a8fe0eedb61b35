"""Install the release of a companion that is made for the installed torch."""

from __future__ import annotations

from dataclasses import replace

from packaging.version import Version

from gpufix.evidence.published import elsewhere, published
from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.fixes.pins import extras_of
from gpufix.fixes.registry import fix
from gpufix.fixes.wheel_step import install
from gpufix.knowledge import packages
from gpufix.knowledge.listings import Offer
from gpufix.model import Distribution, Elsewhere, Finding, Install, Plan, Skip
from gpufix.model.payload import (
    DistributionFault,
    MissingLibrary,
    OtherCudaMajor,
    UnchosenLibrary,
)

NAME = "match-torch-family"
_CODES = ("WHL505", "WHL509", "WHL510", "ABI301", "ABI304", "ABI305", "SYM401", "SYM402", "SYM404")
_OF_TORCH = ("libtorch", "libc10")


@fix(NAME, *_CODES)
def match_torch_family(finding: Finding, view: View) -> Plan | Skip | None:
    """Look for a published wheel for this torch; what no listing has is not guessed."""
    if not isinstance(finding.payload, DistributionFault):
        return None  # an address in a file: match-wheel-address
    if finding.code == "WHL509" and not isinstance(finding.payload, UnchosenLibrary):
        return None
    if isinstance(finding.payload, OtherCudaMajor) and not finding.payload.links_torch:
        return None
    if finding.code == "SYM402" and not _lacks_torch(finding, view):
        return None
    name = finding.payload.distribution
    own, dist = view.dist("torch"), view.dist(name)
    condas = "conda" in [d.source for d in (own, dist) if d]
    found = _of_conda(name, view) if condas else published(name, view)
    if isinstance(found, Offer) and dist and _lower_major(found, dist):
        found = f"the newest published wheel is of {name} {found.version}, {dist.version} is here"
    if isinstance(found, Offer) and dist and _is_installed(found, dist):
        found = f"{name} {dist.version} is the release for this torch"
    if isinstance(found, str):
        return finding.skip(NAME, found, subject=name)
    torch = view.facts.torch
    made_for = f"made for torch {torch.release if torch else ''}"
    step = found if isinstance(found, Install) else install(found, dist, extras_of(view, name))
    plan = finding.plan(
        NAME,
        "unsafe",
        f"install {_what(found, step)}, {made_for}",
        step,
        subjects=[name],
        for_this_torch=True,
    )
    other = _elsewhere(found, dist, view, made_for) if isinstance(found, Offer) else None
    return replace(plan, elsewhere=other)


def _what(found: Offer | Install, step: Install) -> str:
    what = step.install[0].partition(" @ ")[0]
    if isinstance(found, Offer) and what != step.install[0]:
        what = f"{what} {found.version}"  # its address is in the command
    return what


def _elsewhere(
    first: Offer, dist: Distribution | None, view: View, made_for: str
) -> Elsewhere | None:
    """The newest such wheel of another place, for those who do not reach the first one's."""
    other = elsewhere(first.name, view, first)
    if other is None or (dist and (_lower_major(other, dist) or _is_installed(other, dist))):
        return None
    step = install(other, dist, extras_of(view, dist.name if dist else first.name))
    return Elsewhere(title=f"install {_what(other, step)}, {made_for}", steps=[step])


def _lacks_torch(finding: Finding, view: View) -> bool:
    """Whether it asks for libraries of another build of torch, which is here and whole."""
    lacking, torch = finding.payload_as(MissingLibrary), view.facts.torch
    whole = torch is not None and torch.state == "ok" and lacking.distribution != "torch"
    return whole and not lacking.held and any(n.startswith(_OF_TORCH) for n in lacking.names)


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

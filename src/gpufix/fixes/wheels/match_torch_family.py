"""Install the release of a companion that is made for the installed torch."""

from __future__ import annotations

from gpufix.evidence.declared import declared
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import packages
from gpufix.model import Finding, Install, Plan, Skip
from gpufix.model.payload import DistributionFault

_ON_TORCH_INDEX = ("torchvision", "torchaudio", "torchtext", "xformers")
NAME = "match-torch-family"


@fix(NAME, "WHL505", "ABI301", "ABI305", "SYM401", "SYM404")
def match_torch_family(finding: Finding, view: View) -> Plan | Skip | None:
    """Look the companion's version up for this torch; unknown ones are not guessed."""
    if not isinstance(finding.payload, DistributionFault):
        return None  # an address in a file: match-wheel-address
    name, torch = finding.payload.distribution, view.facts.torch
    release = torch.release if torch and torch.release else ""
    known = packages.for_torch(release).get(name)
    page = packages.find_links(name, release, (torch.variant if torch else "") or "")
    versions = packages.fitting(name, release)
    if known is None or not (versions or page):
        return _skip(finding, name, f"which {name} goes with torch {release} is not known here")
    asked = declared(view, name)
    allowed = [version for version in versions if asked.allows(version)]
    if versions and not allowed:
        which = f"{name} {versions[-1]} goes with torch {release}"
        return _skip(finding, name, f"{which}; {name}{asked.specifier} is required here")
    requirement = asked.spelled(allowed[-1] if allowed else None)
    index = torch.variant if torch and torch.variant and name in _ON_TORCH_INDEX else None
    return Plan(
        fix=NAME,
        codes=[finding.code],
        subjects=[name],
        title=f"install {requirement}, made for torch {release}",
        safety="unsafe",
        steps=[Install(install=[requirement], reinstall=True, index=index)],
        notes=[f"wheels are listed at {page}"] if page else [],
        for_this_torch=True,
    )


def _skip(finding: Finding, name: str, reason: str) -> Skip:
    return Skip(fix=NAME, code=finding.code, subject=name, reason=reason)

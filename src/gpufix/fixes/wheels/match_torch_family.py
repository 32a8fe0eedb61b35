"""Install the release of a companion that is made for the installed torch."""

from __future__ import annotations

from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import packages
from gpufix.model import Finding, Install, Plan, Skip
from gpufix.model.payload import DistributionFault, OtherCudaMajor

_ON_TORCH_INDEX = ("torchvision", "torchaudio", "torchtext", "xformers")


@fix("match-torch-family", "WHL505", "WHL510", "ABI301", "ABI305", "SYM401", "SYM404")
def match_torch_family(finding: Finding, view: View) -> Plan | Skip | None:
    """Look the companion's version up for this torch; unknown ones are not guessed."""
    if not isinstance(finding.payload, DistributionFault):
        return None  # an address in a file: match-wheel-address
    if isinstance(finding.payload, OtherCudaMajor) and not finding.payload.links_torch:
        return None
    name, torch = finding.payload.distribution, view.facts.torch
    release = torch.release if torch and torch.release else ""
    known = packages.for_torch(release).get(name)
    page = packages.find_links(name, release, (torch.variant if torch else "") or "")
    if known is None or not (known.exact or page):
        reason = f"which {name} goes with torch {release} is not known here"
        return Skip(fix="match-torch-family", code=finding.code, subject=name, reason=reason)
    versions = sorted(known.exact, key=lambda v: version_of(v) or v)
    requirement = f"{name}=={versions[-1]}" if versions else name
    index = torch.variant if torch and torch.variant and name in _ON_TORCH_INDEX else None
    return Plan(
        fix="match-torch-family",
        codes=[finding.code],
        subjects=[name],
        title=f"install {requirement}, made for torch {release}",
        safety="unsafe",
        steps=[Install(install=[requirement], reinstall=True, index=index)],
        notes=[f"wheels are listed at {page}"] if page else [],
        for_this_torch=True,
    )

"""Install the edition of a project that is for the GPUs or the CUDA that are here."""

from __future__ import annotations

from gpufix.evidence.other_cuda import majors_here
from gpufix.evidence.own_cuda import own_cuda
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable
from gpufix.fixes.registry import fix
from gpufix.knowledge import families
from gpufix.knowledge.data_table import numbers
from gpufix.model import Distribution, Finding, Install, Plan, Skip
from gpufix.model.payload import LostGpuLibraries, OtherCudaMajor

NAME = "switch-edition"
_WORDS = {"rocm": "AMD's GPUs"}


@fix(NAME, "WHL509", "WHL510")
def switch_edition(finding: Finding, view: View) -> Plan | Skip | None:
    """One project, one distribution for each CUDA major or vendor: the other one takes its place.

    At the installed release where it is listed, else at the nearest one before it.
    """
    fault = finding.payload
    if not isinstance(fault, (LostGpuLibraries, OtherCudaMajor)):
        return None
    dist, platform = view.dist(fault.distribution), _platform(fault, view)
    if dist is None or platform is None:
        return None
    what = _WORDS.get(platform) or f"CUDA {platform.removeprefix('cuda')}"
    others = [n for n in families.editions(dist.name, platform) if n != dist.name]
    found = [(name, version) for name in others if (version := _release(name, dist))]
    if not found:
        reason = f"no build of {dist.name} for {what} is listed"
        return finding.skip(NAME, reason) if platform == "rocm" or others else None
    users = sorted(view.derive(Requirements.of).required_by.get(dist.name, ()))
    verb = "requires" if len(users) == 1 else "require"
    blocked = f"{', '.join(users)} {verb} {dist.name}" if users else immovable(dist)
    if blocked:
        return finding.skip(NAME, blocked)
    exact = (row for row in found if row[1] == dist.version)
    name, version = next(exact, found[0])
    steps = [Install(install=[f"{name}=={version}"], dependencies=True)]
    if not view.dist(name):
        steps.insert(0, Install(uninstall=[dist.name]))  # they lay the same files
    return finding.plan(
        NAME,
        "unsafe",
        f"install {name}=={version}, for {what}, in the place of {dist.name}",
        *steps,
        subjects=[dist.name],
    )


def _platform(fault: LostGpuLibraries | OtherCudaMajor, view: View) -> str | None:
    """What it should be for: "rocm", or the one CUDA that is here and is not its own."""
    if isinstance(fault, LostGpuLibraries) and not fault.wheels:
        return "rocm"
    if isinstance(fault, OtherCudaMajor) and fault.links_torch:
        return None  # a release for this torch: match-torch-family
    own, here = view.derive(own_cuda).get(fault.distribution), view.derive(majors_here)
    if own is None or own.major is None or len(here) != 1 or own.major in here:
        return None
    return f"cuda{next(iter(here))}"


def _release(name: str, dist: Distribution) -> str | None:
    """The installed release where the other edition has it, else the nearest before, else after."""
    listed = families.releases(name)
    before = [v for v in listed if numbers(v) <= numbers(dist.version)]
    if dist.version in listed:
        return dist.version
    return before[0] if before else listed[-1] if listed else None

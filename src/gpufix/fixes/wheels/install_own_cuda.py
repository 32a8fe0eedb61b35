"""Install the libraries of the CUDA that a package is built for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import dirname

from gpufix.evidence import pathfinder
from gpufix.evidence.cuda_wheels import is_required
from gpufix.evidence.other_cuda import other_cuda
from gpufix.evidence.own_cuda import own_cuda
from gpufix.evidence.severity import weigh
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.extend_library_path import extended
from gpufix.frozen import Frozen
from gpufix.knowledge import families
from gpufix.knowledge.cuda_libraries import folder_of, wheel_of
from gpufix.model import Distribution, Finding, Install, Plan, Skip, Step
from gpufix.model.payload import DistributionFault, OtherCudaMajor, UnfitLibrary

NAME = "install-own-cuda"
BESIDE = "set-own-cuda-beside"  # sorted behind match-torch-family: a release for torch's CUDA comes first
_PATH = "LD_LIBRARY_PATH"


class _Lack(Frozen):
    """A library that is missing: the wheel that brings it, and the folder in which it then lies.

    wheel: None where it is there, and not found.
    """

    soname: str
    wheel: str | None
    folder: str
    searched: bool

    @property
    def requirement(self) -> str | None:
        """A wheel's version begins with that of its libraries' SONAMEs."""
        leading = self.soname.partition(".so.")[2].partition(".")[0]
        return f"{self.wheel}=={leading}.*" if self.wheel and leading else self.wheel


@fix(NAME, "SYM402", "WHL509", "WHL510")
def install_own_cuda(finding: Finding, view: View) -> Plan | Skip | None:
    """For a package that does not link torch: several CUDA majors may lie side by side.

    Where neither the package's RPATH nor cuda.pathfinder leads to the wheels' folders, they are
    added to LD_LIBRARY_PATH in the environment file, behind what stands there.
    """
    fault = finding.payload
    if not isinstance(fault, DistributionFault) or isinstance(fault, UnfitLibrary):
        return None
    dist, own = view.dist(fault.distribution), view.derive(own_cuda).get(fault.distribution)
    if dist is None or own is None or own.major is None or _links_torch(view, dist):
        return None
    if finding.code == "SYM402" and dist.name in view.derive(other_cuda):
        return None  # planned for the cause
    if finding.code != "SYM402" and families.libraries(dist.name):
        return None  # by its extra, or another release: install-gpu-part
    lacks = list(_lacks(view, dist, own.major))
    if any(lack.wheel and is_required(view, lack.wheel) for lack in lacks):
        return None  # at the version that is declared: install-declared
    return _made(NAME, finding, view, lacks, own.major)


@fix(BESIDE, "WHL510")
def set_own_cuda_beside(finding: Finding, view: View) -> Plan | Skip | None:
    """For one that links torch: the libraries of both majors, whose symbols have versions of their own,
    serve one process. Where no library would take the place of one of torch's."""
    fault = finding.payload
    if not isinstance(fault, OtherCudaMajor) or not fault.links_torch:
        return None
    dist = view.dist(fault.distribution)
    if dist is None:
        return None
    return _made(BESIDE, finding, view, list(_lacks(view, dist, fault.major)), fault.major)


def _made(
    name: str, finding: Finding, view: View, lacks: Sequence[_Lack], major: int
) -> Plan | Skip | None:
    if not lacks:
        return None
    if other := next(_overwritten(view, [x.wheel for x in lacks if x.wheel]), None):
        return finding.skip(name, f"{other[0]} would overwrite files of {other[1]}")
    wheels = sorted({wheel for lack in lacks if (wheel := lack.requirement)})
    folders = sorted({x.folder for x in lacks if not x.searched})
    return _plan(name, finding, view, wheels, folders, major)


def _plan(
    name: str,
    finding: Finding,
    view: View,
    wheels: Sequence[str],
    folders: Sequence[str],
    major: int,
) -> Plan | Skip:
    steps: list[Step] = []
    if wheels:
        steps.append(Install(install=[*wheels], dependencies=True, freeze=True))
    if folders:
        steps.append(extended(view, folders))
    if not steps:
        return finding.skip(name, "its libraries are here, and its own search leads to them")
    what = f"install {', '.join(wheels)}" if wheels else f"name the folders of CUDA {major}"
    return finding.plan(
        name,
        "unsafe" if folders else "safe",
        f"{what}{' and name their folders' if wheels and folders else ''}"
        f"{f' in {_PATH}' if folders else ''}",
        *steps,
        notes=[f"every program that runs with {_PATH} searches there first"] if folders else [],
    )


def _links_torch(view: View, dist: Distribution) -> bool:
    libraries = view.facts.binaries.libraries
    return dist.name == "torch" or any(
        x.links_torch for x in libraries if x.distribution == dist.name and x.problems
    )


def _lacks(view: View, dist: Distribution, major: int) -> Iterator[_Lack]:
    """Of all its libraries that are missed: one plan serves them."""
    own = (x for x in view.facts.binaries.libraries if x.distribution == dist.name)
    rows = [(x, p) for x in own for p in x.problems if p.kind == "missing-library"]
    found = {problem.name: (library, problem) for library, problem in weigh(view, rows).rows}
    for soname, (library, problem) in sorted(found.items()):
        wheel = wheel_of(soname, major)
        if wheel is None:
            continue
        folder = f"{dist.location}/{folder_of(wheel, major)}"
        is_here = _is_own(problem.provider, folder_of(wheel, major))
        if problem.provider and is_here:
            folder = dirname(problem.provider)
        ways = view.search_path(problem.needed_by or library.path) or ()
        searched = folder in ways or pathfinder.opens(view, dist.name, soname)
        yield _Lack(soname, None if is_here else wheel, folder, searched)


def _is_own(provider: str | None, folder: str) -> bool:
    """Whether the file that is there, and not found, is none of another CUDA's wheel."""
    if provider is None:
        return False
    return "/nvidia/" not in provider or dirname(provider).endswith(f"/{folder}")


def _overwritten(view: View, wheels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Wheels of CUDA 11 and 12, and of what is no part of the toolkit, lie in the same folders."""
    for wheel in wheels:
        base, suffix, _ = wheel.partition("-cu1")
        for dist in view.facts.distributions if suffix else ():
            if dist.name != wheel and dist.name.startswith(f"{base}-cu1"):
                yield wheel, dist.name

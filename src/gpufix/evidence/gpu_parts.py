"""What frameworks have their GPU back ends from: libraries that are lost, parts that are absent."""

from __future__ import annotations

import re
from collections.abc import Collection

from gpufix.evidence.building import generates, major
from gpufix.evidence.own_cuda import named_for_cuda
from gpufix.evidence.severity import Row
from gpufix.evidence.view import View
from gpufix.evidence.without_torch import frameworks
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda, families
from gpufix.knowledge.cuda_libraries import bringing, major_of_wheel
from gpufix.knowledge.families import Part
from gpufix.knowledge.plugins import plugin
from gpufix.model import Distribution, Library, Problem
from gpufix.model.host import Vendor

_CUDA_WHEEL = re.compile(r"nvidia-(?:cuda-runtime|cublas|cudnn)(?:-cu\d\d)?")


class LostLibraries:
    """Distribution → the libraries that its GPU part lacks, by plug-in."""

    def __init__(self, rows: dict[str, list[Row]]) -> None:
        self.rows = rows

    @classmethod
    def of(cls, view: View) -> LostLibraries:
        """For `view.derive`."""
        found: dict[str, list[Row]] = {}
        for library in view.facts.binaries.libraries:
            for problem in library.problems:
                if library.distribution and _of_gpu_part(view, library, problem):
                    found.setdefault(library.distribution, []).append((library, problem))
        return cls(found)


def _of_gpu_part(view: View, library: Library, problem: Problem) -> bool:
    """A GPU driver's own libraries are none of a package's; a build for CPUs has no GPU part."""
    if library.opened_by != "plugin" or problem.kind != "missing-library" or problem.driver:
        return False
    dist = view.dist(library.distribution or "")
    opener = plugin(library.path, library.distribution, dist.version if dist else None)
    if opener is None:
        return False
    known = bool(library.code or opener.beside or named_for_cuda(library.distribution or ""))
    return opener.asked or known


class AbsentPart(Frozen):
    """A framework without a GPU back end. lacking: what a part that is there wants beside it."""

    part: Part
    framework: Distribution
    present: tuple[str, ...]
    lacking: tuple[str, ...]


def absent_parts(view: View) -> list[AbsentPart]:
    """Frameworks that nothing brings GPU code for; what conda built tells it by its build."""
    found = []
    holders = {x.distribution for x in view.facts.binaries.libraries if _for_gpus(x)}
    holders |= {owner for owner, names in view.facts.binaries.cuda.items() if names}
    for part in families.parts():
        framework = view.dist(part.framework)
        if framework is None or framework.source == "conda" or holders & set(part.code_in):
            continue
        broken = None
        for together in part.together:
            present = tuple(name for name in together if view.dist(name))
            if len(present) == len(together):
                break
            if present:
                lacking = tuple(name for name in together if name not in present)
                broken = AbsentPart(part, framework, present, lacking)
        else:
            found.append(broken or AbsentPart(part, framework, (), ()))
    return found


def _for_gpus(library: Library) -> bool:
    """It holds GPU code, or asks for CUDA's libraries."""
    asked = [*library.needed, *(problem.name for problem in library.problems)]
    return bool(library.code) or any(bringing(n) or n.startswith("libcuda.so") for n in asked)


def used_otherwise(view: View, vendor: Vendor, own: set[str]) -> list[str]:
    """What else here uses the GPUs of a vendor: torch, other frameworks."""
    torch = view.facts.torch
    built_for = torch and (torch.cuda if vendor == "nvidia" else torch.hip)
    return [
        *(["torch"] if built_for else []),
        *(n for n in frameworks(view, vendor) if n not in own),
    ]


def cuda_here(view: View) -> int | None:
    """The CUDA major of the libraries that are installed: torch's, else the one of NVIDIA's wheels."""
    torch = view.facts.torch
    if torch and torch.cuda:
        return int(torch.cuda.partition(".")[0])
    wheels = (d for d in view.facts.distributions if _CUDA_WHEEL.fullmatch(d.name))
    majors = {major_of_wheel(d.name, d.version) for d in wheels} - {None}
    return majors.pop() if len(majors) == 1 else None


def newest_major(view: View, offered: Collection[int]) -> int | None:
    """Of several CUDA majors the newest that the driver and the GPUs that must be served allow."""
    driver = next((d.cuda for d in view.facts.drivers if d.vendor == "nvidia" and d.cuda), None)
    allowed = [n for n in serving(view, offered) if driver is None or n <= int(major(driver))]
    return max(allowed, default=None)


def serving(view: View, majors: Collection[int]) -> list[int]:
    """Of several CUDA majors those of which a release generates code for each GPU that must be served."""
    archs = [target.arch for target in view.targets if target.vendor == "nvidia"]
    return [n for n in majors if all(_generates(n, arch) for arch in archs)]


def _generates(number: int, arch: str) -> bool:
    releases = (version for version in cuda.versions() if major(version) == str(number))
    return any(generates(release, arch) for release in releases)

"""Packages that lack libraries of their own CUDA major where another major's are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from posixpath import basename

from gpufix.evidence.building import major as major_of
from gpufix.evidence.own_cuda import own_cuda
from gpufix.evidence.severity import Row, Weighed, weigh
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.cuda import first_and_last
from gpufix.knowledge.cuda_libraries import bringing, is_wheel, major_of_wheel, majors
from gpufix.model import Distribution, Library, Problem, Torch


class OtherCuda(Frozen):
    """What one package is built for and does not find. `torch`: the one that it links, of another CUDA.

    `here`: the majors of the libraries that are here instead.
    """

    owner: str
    major: int
    here: tuple[int, ...]
    torch: Torch | None
    weighed: Weighed

    @property
    def sonames(self) -> tuple[str, ...]:
        """The libraries that it lacks."""
        return tuple(sorted({problem.name for _, problem in self.weighed.rows}))


def other_cuda(view: View) -> Mapping[str, OtherCuda]:
    """By distribution, or the path of a library that none owns. For `view.derive`."""
    rows: dict[str, list[Row]] = {}
    for library, problem in _lacking(view):
        rows.setdefault(library.distribution or library.path, []).append((library, problem))
    found = (_judged(view, owner, own) for owner, own in sorted(rows.items()))
    return {each.owner: each for each in found if each}


def _lacking(view: View) -> Iterator[Row]:
    for library in view.facts.binaries.libraries:
        owner = library.distribution or ""
        if owner == "torch" or is_wheel(owner):
            continue
        for problem in library.problems:
            if problem.kind == "missing-library" and majors(problem.name):
                yield library, problem


def _judged(view: View, owner: str, rows: list[Row]) -> OtherCuda | None:
    torch = _framework(view, rows)
    here = (_cuda_of(torch),) if torch else tuple(sorted(view.derive(majors_here)))
    apart = [row for row in rows if _is_others(view, row, here, torch)]
    wanted = {m for _, problem in apart for m in majors(problem.name)}
    known = view.derive(own_cuda).get(owner)
    told = {m for m in (known.majors if known else ()) if m in wanted} or wanted
    weighed = weigh(view, apart)
    if len(told) != 1 or weighed.severity is None:
        return None
    return OtherCuda(owner, told.pop(), here, torch, weighed)


def _framework(view: View, rows: Iterable[Row]) -> Torch | None:
    """torch, where it has a CUDA and the libraries link it."""
    torch = view.facts.torch
    linked = torch is not None and any(library.links_torch for library, _ in rows)
    return torch if linked and _cuda_of(torch) else None


def _is_others(view: View, row: Row, here: tuple[int, ...], torch: Torch | None) -> bool:
    """Whether no CUDA that is here can have the library.

    A wheel that should have brought it and is installed is at fault itself, or not searched.
    """
    library, problem = row
    known = majors(problem.name)
    if not here or not known.isdisjoint(here):
        return False
    if torch is not None:
        return True
    is_elsewhere = _is_brought(view, problem) or not known.isdisjoint(_toolkits(view))
    return not _links_other(library, view) and not is_elsewhere


def _links_other(library: Library, view: View) -> bool:
    """It links a torch that has no CUDA: that is the cause."""
    return library.links_torch and view.facts.torch is not None


def _is_brought(view: View, problem: Problem) -> bool:
    return problem.provider is not None or any(map(view.dist, bringing(problem.name)))


class NewerCompiler(Frozen):
    """CUDA's compiler of a newer major than a package's, which it takes. `arch`: not among its GPUs."""

    dist: Distribution
    major: int
    path: str
    wheel: Distribution
    arch: str


def newer_compilers(view: View) -> Iterator[NewerCompiler]:
    """Where cuda.pathfinder has a package open NVRTC of a later CUDA, which dropped a target."""
    for library in view.facts.binaries.libraries:
        dist = view.dist(library.distribution or "")
        if library.opened_by != "plugin" or dist is None:
            continue
        for name, path in library.uses.items():
            own, taken = majors(name), majors(basename(path))
            wheel = _wheel_of(view, path)
            dropped = _dropped(view, taken) if own.isdisjoint(taken) else None
            if name.startswith("libnvrtc.") and own and wheel and dropped:
                yield NewerCompiler(dist, min(own), path, wheel, dropped)


def _wheel_of(view: View, path: str) -> Distribution | None:
    owner = next((x.distribution for x in view.facts.binaries.libraries if x.path == path), None)
    return view.dist(owner or "")


def _dropped(view: View, taken: frozenset[int]) -> str | None:
    """A target for which a toolkit of this major generates nothing any more."""
    for target in view.targets:
        last = (first_and_last(target.arch) or ("", None))[1]
        if last and taken and int(major_of(last)) < min(taken):
            return target.arch
    return None


def majors_here(view: View) -> frozenset[int]:
    """The CUDA majors of the environment's own libraries: of NVIDIA's wheels, and torch's."""
    dists = view.facts.distributions
    found = {major_of_wheel(dist.name, dist.version) for dist in dists}
    found.add(_cuda_of(view.facts.torch))
    return frozenset(m for m in found if m)


def _toolkits(view: View) -> frozenset[int]:
    versions = [t.version for t in view.facts.toolkits if t.kind == "cuda" and t.version]
    return frozenset(int(number) for v in versions if (number := major_of(v)).isdigit())


def _cuda_of(torch: Torch | None) -> int:
    """torch's CUDA major; 0 = none, or not known."""
    number = major_of(torch.cuda) if torch and torch.cuda else ""
    return int(number) if number.isdigit() else 0

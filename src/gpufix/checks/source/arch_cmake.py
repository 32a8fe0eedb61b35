"""SRC601 in CMake builds: what each target is compiled for, by an abstract run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.evidence import arch_lists as arch
from gpufix.evidence.arch_lists import ArchList
from gpufix.evidence.building import builds
from gpufix.evidence.cmake_archs import Compiled, compiled
from gpufix.evidence.cmake_builds import CMakeRoot, roots
from gpufix.evidence.source_view import at
from gpufix.evidence.view import View
from gpufix.model import Severity, Target
from gpufix.model.source_payload import CMakeArchs

if TYPE_CHECKING:
    from gpufix.source.arch_flags import ArchFlag
    from gpufix.source.builds.run import Place


class _Fixed(NamedTuple):
    """What a line fixes for some target of a build."""

    what: str
    shown: str
    place: Place
    follows: str | None


def faults(view: View) -> Iterator[Fault]:
    """CMAKE_CUDA_ARCHITECTURES, the targets' property, and -gencode in nvcc's flags."""
    if not builds(view) or arch.vendor(view) == "amd":
        return
    for root in roots(view):
        seen: dict[tuple[Place, str], Fault] = {}
        for found in compiled(root.build):
            for fault, place in _judged(view, root, found):
                key = (place, fault.message)
                if key not in seen or seen[key].severity == WARNING:
                    seen[key] = fault
        yield from seen.values()


def _judged(view: View, root: CMakeRoot, found: Compiled) -> Iterator[tuple[Fault, Place]]:
    """One target of a build."""
    whole = found.everything
    missed = [] if whole.native else arch.missed(view, whole)
    certain = found.certain
    if not certain and missed:
        missed = [t for t in missed if not any(a.native or a.serves(t) for a in found.perhaps)]
    for fixed, archs in _lines(view, found):
        cuda, bad = arch.refused(view, archs)
        bad = bad if found.there else []
        mine = [t for t in missed if not archs.serves(t)]
        if mine or bad:
            yield _fault(view, root, found, fixed, mine, (cuda, bad)), fixed.place


def _lines(view: View, found: Compiled) -> Iterator[tuple[_Fixed, ArchList]]:
    """The lines of files that fix something for a target."""
    if found.archs is not None and found.by_file:
        what = _name(view, found.archs.place)
        yield _Fixed(what, found.archs.shown, found.archs.place, "CUDAARCHS"), found.cmake
    by_place: dict[Place, list[ArchFlag]] = {}
    for place, flag in found.flags:
        if place != found.by_torch:  # it takes them from a variable
            by_place.setdefault(place, []).append(flag)
    for place, flags in by_place.items():
        shown = arch.named(flags)
        yield _Fixed("nvcc's flags", shown, place, found.follows), arch.arch_list(flags)


def _name(view: View, place: Place) -> str:
    """The variable or property by which a line fixes architectures."""
    project = view.facts.project
    source = view.source(f"{project.root}/{place.path}") if project else None
    lines = source.text.split("\n")[place.line - 1 : place.line + 4] if source else []
    text = "\n".join(lines)
    own = "CUDA_ARCHITECTURES" in text and "CMAKE_CUDA_ARCHITECTURES" not in text
    return "CUDA_ARCHITECTURES" if own else "CMAKE_CUDA_ARCHITECTURES"


def _fault(
    view: View,
    root: CMakeRoot,
    found: Compiled,
    fixed: _Fixed,
    missed: list[Target],
    refused: tuple[str, Iterable[str]],
) -> Fault:
    cuda, bad = refused[0], list(refused[1])
    aside = root.caller == "aside"
    open_to = found.by_torch is not None and not found.certain  # torch adds flags that nobody knows
    reasons = [f"no code of that runs on {arch.listed(missed)}"] if missed else []
    reasons += [f"what does comes from {fixed.follows} alone"] if missed and open_to else []
    reasons += [f"nvcc {cuda} generates no code for {', '.join(bad)}"] if bad else []
    reasons += ["only builds with CMake are concerned, setup.py does without"] if aside else []
    path = fixed.place.path
    return Fault(
        severity=ADVICE if aside or (open_to and not bad) else _severity(view, found, missed, bad),
        subject=path,
        message=f"{path} fixes {fixed.what} at {fixed.shown}; {'; '.join(reasons)}.",
        evidence=(at(view, path, fixed.place.line, f"{fixed.what}: {fixed.shown}"),),
        payload=CMakeArchs(path, fixed.place.line, fixed.follows, root.path),
    )


def _severity(view: View, found: Compiled, missed: list[Target], bad: list[str]) -> Severity:
    return ERROR if bad else arch.severity(view, missed, found.certain)

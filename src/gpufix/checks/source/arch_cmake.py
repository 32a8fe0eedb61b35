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
from gpufix.evidence.source_view import at, source_of
from gpufix.evidence.view import View
from gpufix.model import Evidence, Severity, Target
from gpufix.model.source_payload import CMakeArchs

if TYPE_CHECKING:
    from gpufix.source.arch_flags import ArchFlag
    from gpufix.source.builds.run import Place


class _Fixed(NamedTuple):
    """What a line fixes for some target of a build, or all lines of a file that add to nvcc's flags."""

    what: str
    shown: str
    places: tuple[Place, ...]
    follows: str | None

    @property
    def place(self) -> Place:
        return self.places[0]


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
            fixed = _narrowed(found, fixed, bad)
            yield _fault(view, root, found, fixed, mine, (cuda, bad)), fixed.place


def _lines(view: View, found: Compiled) -> Iterator[tuple[_Fixed, ArchList]]:
    """The lines of files that fix something for a target."""
    if found.archs is not None and found.by_file:
        what = _name(view, found.archs.place)
        yield _Fixed(what, found.archs.shown, (found.archs.place,), "CUDAARCHS"), found.cmake
    by_file: dict[str, list[tuple[Place, ArchFlag]]] = {}
    for place, flag in found.flags:
        if place != found.by_torch:  # it takes them from a variable
            by_file.setdefault(place.path, []).append((place, flag))
    for rows in by_file.values():
        flags = [flag for _, flag in rows]
        places = tuple(sorted({place for place, _ in rows}))
        fixed = _Fixed("nvcc's flags", arch.named(flags), places, found.follows)
        yield fixed, arch.arch_list(flags)


def _narrowed(found: Compiled, fixed: _Fixed, bad: Iterable[str]) -> _Fixed:
    """Of several lines those with what nvcc refuses, where it refuses something."""
    lines = {place for place, flag in found.flags if flag.arch in set(bad)}
    places = tuple(place for place in fixed.places if place in lines)
    return fixed._replace(places=places or fixed.places)


def _name(view: View, place: Place) -> str:
    """The variable or property by which a line fixes architectures."""
    source = source_of(view, place.path)
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
    reasons += [f"what does comes from {fixed.follows} only"] if missed and open_to else []
    reasons += [f"nvcc {cuda} generates no code for {', '.join(bad)}"] if bad else []
    reasons += ["only builds with CMake are concerned, setup.py does without"] if aside else []
    path = fixed.place.path
    return Fault(
        severity=ADVICE if aside or (open_to and not bad) else _severity(view, found, missed, bad),
        subject=path,
        message=f"{path} fixes {fixed.what} at {fixed.shown}; {'; '.join(reasons)}.",
        evidence=tuple(_shown(view, found, fixed, place) for place in fixed.places[:8]),
        payload=CMakeArchs(path, fixed.place.line, fixed.follows, root.path),
    )


def _shown(view: View, found: Compiled, fixed: _Fixed, place: Place) -> Evidence:
    mine = [flag for where, flag in found.flags if where == place]
    shown = arch.named(mine) if mine and len(fixed.places) > 1 else fixed.shown
    return at(view, place.path, place.line, f"{fixed.what}: {shown}")


def _severity(view: View, found: Compiled, missed: list[Target], bad: list[str]) -> Severity:
    return ERROR if bad else arch.severity(view, missed, found.certain)

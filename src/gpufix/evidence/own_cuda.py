"""The CUDA that each installed package is built for, told from the package itself, torch or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import basename
from typing import Literal

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.cuda_libraries import is_copy, majors
from gpufix.knowledge.gpus.serves import cuda_of_ptx, parse_version
from gpufix.knowledge.plugins import plugin
from gpufix.model import Distribution, Library

# "cupy-cuda12x", "faiss-gpu-cu12", "spconv-cu126", "jax-cuda13-plugin"; "2.8+cu128", "2.1+pt25cu124".
_NAMED = re.compile(r"-cu(?:da)?(1\d)\d?x?(?=-|$)")
_LOCAL = re.compile(r"cu(?:da)?(1\d)")

Told = Literal["libraries", "name", "code", ""]


class OwnCuda(Frozen):
    """What one package is built for. `majors`: several where it has a library for each; () = not known.

    `least`: of its PTX, the first CUDA whose compiler writes it; it is for no older one.
    """

    majors: tuple[int, ...] = ()
    least: int | None = None
    by: Told = ""
    evidence: tuple[str, ...] = ()

    @property
    def major(self) -> int | None:
        """The one major; None where it is not known, or there are several."""
        return self.majors[0] if len(self.majors) == 1 else None


def own_cuda(view: View) -> Mapping[str, OwnCuda]:
    """By distribution, or the path of a library that none owns. For `view.derive`.

    The libraries' word counts most: the name of a distribution says what it was meant for.
    """
    named = {name: list(sonames) for name, sonames in view.facts.binaries.cuda.items()}
    code: dict[str, list[Library]] = {}
    versions = {d.name: d.version for d in view.facts.distributions}
    for library in view.facts.binaries.libraries:
        owner = library.distribution or library.path
        version = versions.get(library.distribution or "")
        if known := plugin(library.path, library.distribution, version):
            named.setdefault(owner, []).extend(known.opens)
        if library.code:
            code.setdefault(owner, []).append(library)
    dists = {d.name: d for d in view.facts.distributions}
    owners = {*named, *code, *(name for name, dist in dists.items() if _in_name(dist))}
    return {
        owner: _told(named.get(owner, ()), code.get(owner, ()), dists.get(owner))
        for owner in sorted(owners)
    }


def _told(sonames: Iterable[str], code: Iterable[Library], dist: Distribution | None) -> OwnCuda:
    least, ptx = _least(code)
    libraries = _of_sonames(sonames)
    if libraries:
        names = tuple(f"names {s}" for s in sorted(set(sonames)) if majors(s))
        return OwnCuda(libraries, least, "libraries", names + ptx)
    name = _in_name(dist) if dist else None
    if dist and name is not None:
        return OwnCuda((name,), least, "name", (f"is called {dist.name} {dist.version}", *ptx))
    return OwnCuda((), least, "code" if least else "", ptx)


def _of_sonames(sonames: Iterable[str]) -> tuple[int, ...]:
    """What names of one meaning say; where there are none, what all the others have in common."""
    told = [found for name in sonames if (found := majors(name))]
    certain = {major for found in told if len(found) == 1 for major in found}
    if certain or not told:
        return tuple(sorted(certain))
    common = frozenset.intersection(*told)
    return tuple(common) if len(common) == 1 else ()


def _least(libraries: Iterable[Library]) -> tuple[int | None, tuple[str, ...]]:
    """The highest first CUDA of their PTX, and the library that has it."""
    found = [
        (cuda[0], f"{basename(library.path)} holds PTX {code.ptx_version}")
        for library in libraries
        for code in library.code
        if code.kind == "ptx" and code.ptx_version
        if (cuda := cuda_of_ptx(parse_version(code.ptx_version)))
    ]
    if not found:
        return None, ()
    least, where = max(found)
    return least, (where,)


def named_for_cuda(distribution: str) -> bool:
    """Whether a distribution's name says that it is for CUDA: "cupy-cuda12x"."""
    return _NAMED.search(distribution) is not None


def _in_name(dist: Distribution) -> int | None:
    local = dist.version.partition("+")[2]
    found = _NAMED.search(dist.name) or _LOCAL.search(local)
    return int(found[1]) if found else None


def asked_for(view: View) -> Mapping[str, frozenset[str]]:
    """CUDA library, as it is named -> the distributions whose libraries ask the loader for it.

    Copies that a wheel brings along ask for nothing. For `view.derive`.
    """
    users: dict[str, set[str]] = {}
    for owner, soname in _asking(view):
        users.setdefault(soname, set()).add(owner)
    return {soname: frozenset(owners) for soname, owners in users.items()}


def _asking(view: View) -> Iterator[tuple[str, str]]:
    for owner, sonames in view.facts.binaries.cuda.items():
        yield from ((owner, soname) for soname in sonames if not is_copy(soname))
    for library in view.facts.binaries.libraries:
        dist = view.dist(library.distribution or "")
        known = plugin(library.path, library.distribution, dist.version if dist else None)
        if library.distribution and known:
            yield from ((library.distribution, soname) for soname in known.opens)

"""Which wheel brings a CUDA library that is missing: that of the CUDA release it is wanted for."""

from __future__ import annotations

import re

from gpufix.evidence.declared import brought_by
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.packages import bringing, cuda_majors, wheel_of
from gpufix.model import Library

_IN_NAME = re.compile(r"-cu(?:da)?(\d{2})x?(?=\d?$|-)")


def wheels_for(view: View, library: Library, soname: str) -> tuple[str, ...]:
    """The wheels that can bring what a library needs; those that somebody requires, if any."""
    every, own = bringing(soname), cuda_of(view, library)
    if own is not None and own in cuda_majors(soname):
        every = [wheel for wheel in every if wheel == wheel_of(_base(wheel), own)]
    wanted = [w for w in every if is_required(view, w)]
    return tuple(wanted or every)


def is_required(view: View, wheel: str) -> bool:
    """Whether somebody requires a wheel, itself or by an extra of a package that is not here."""
    users = view.derive(Requirements.of).required_by
    return bool(users.get(wheel)) or brought_by(view, wheel) is not None


def cuda_of(view: View, library: Library) -> int | None:
    """The CUDA major that a library is for: torch's own, what its package's libraries need, what its
    distribution is named for, that of the torch that it links. None = not told."""
    torch = view.facts.torch
    of_torch = next(iter(numbers(torch.cuda or "")), None) if torch else None
    if library.distribution == "torch":
        return of_torch
    needed = _needed(view, library)
    if needed is not None:
        return needed
    named = _IN_NAME.search(library.distribution or "")
    if named:
        return int(named[1])
    return of_torch if library.links_torch else None


def _needed(view: View, library: Library) -> int | None:
    """The one CUDA release that has all that it needs, or else that its package's libraries need."""
    owner = library.distribution
    package = [x for x in view.facts.binaries.libraries if owner and x.distribution == owner]
    for libraries in ([library], package):
        names = [n for x in libraries for n in (*x.needed, *(p.name for p in x.problems))]
        told = [majors for name in names if 0 < len(majors := cuda_majors(name)) < 3]
        common = frozenset.intersection(*told) if told else frozenset()
        if len(common) == 1:
            return next(iter(common))
    return None


def _base(wheel: str) -> str:
    return re.sub(r"-cu\d+$", "", wheel)

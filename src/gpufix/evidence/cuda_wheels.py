"""Which wheel brings a CUDA library that is missing: that of the CUDA release it is wanted for."""

from __future__ import annotations

from gpufix.evidence.declared import brought_by
from gpufix.evidence.own_cuda import own_cuda
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.knowledge.cuda_libraries import bringing, wheel_of
from gpufix.knowledge.data_table import numbers
from gpufix.model import Library
from gpufix.text.names import normalise, without_cuda


def wheels_for(view: View, library: Library, soname: str) -> tuple[str, ...]:
    """The wheels that can bring what a library needs; those that somebody requires, if any."""
    every, major = bringing(soname) or _namesakes(view, library, soname), cuda_of(view, library)
    own = wheel_of(soname, major) if major is not None else None
    every = [own] if own else every
    wanted = [w for w in every if is_required(view, w)]
    return tuple(wanted or every)


def _namesakes(view: View, library: Library, soname: str) -> list[str]:
    """What its distribution requires, is not here, and has the library's name: libkvikio.so is in
    libkvikio-cu12."""
    name = normalise(soname.partition(".so")[0])
    absent = view.derive(Requirements.of).absent(library.distribution or "")
    return [wheel for wheel in absent if without_cuda(wheel) == name]


def is_required(view: View, wheel: str) -> bool:
    """Whether somebody requires a wheel, itself or by an extra of a package that is not here."""
    users = view.derive(Requirements.of).required_by
    return bool(users.get(wheel)) or brought_by(view, wheel) is not None


def cuda_of(view: View, library: Library) -> int | None:
    """The CUDA major that a library is for: torch's own, that of its package, that of the torch that it
    links. None = not told."""
    torch = view.facts.torch
    of_torch = next(iter(numbers(torch.cuda or "")), None) if torch else None
    if library.distribution == "torch":
        return of_torch
    own = view.derive(own_cuda).get(library.distribution or library.path)
    if own is not None and own.major is not None:
        return own.major
    return of_torch if library.links_torch else None

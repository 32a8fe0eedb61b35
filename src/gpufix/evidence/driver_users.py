"""Packages whose CUDA a driver cannot serve, whatever torch there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gpufix.evidence.own_cuda import own_cuda
from gpufix.evidence.view import View
from gpufix.knowledge.cuda_libraries import is_wheel


def users_of_newer(view: View, served: int) -> Mapping[int, list[str]]:
    """CUDA major above the one that the driver serves -> packages that have code for no older one.

    Not torch, nor what links it, whose CUDA is torch's; nor the libraries of CUDA themselves.
    """
    found: dict[int, list[str]] = {}
    for owner, major in _needs(view):
        if major > served:
            found.setdefault(major, []).append(owner)
    return found


def _needs(view: View) -> Iterator[tuple[str, int]]:
    libraries = view.facts.binaries.libraries
    with_code = {x.distribution for x in libraries if x.code}
    with_torch = {x.distribution for x in libraries if x.links_torch} | {"torch"}
    for owner, own in view.derive(own_cuda).items():
        if view.dist(owner) is None or owner in with_torch or is_wheel(owner):
            continue
        if own.majors and (own.by == "libraries" or owner in with_code):
            yield owner, min(own.majors)  # where it has a library for each CUDA, the oldest will do

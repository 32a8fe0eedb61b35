"""Packages that open the one of their libraries that is for torch's CUDA, and do not have it."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import families
from gpufix.knowledge.data_table import at_least, minor
from gpufix.knowledge.families import Chosen
from gpufix.model import Distribution


class Unchosen(Frozen):
    """`wanted`: the library's name. `has`: the CUDA releases for which there is one, "CUDA 12.8".

    `is_here`: it is, and a variable chooses it although it is for another CUDA major than torch.
    """

    row: Chosen
    dist: Distribution
    torch: str
    wanted: str
    has: tuple[str, ...]
    by_variable: bool
    is_here: bool


def unchosen_libraries(view: View) -> Iterator[Unchosen]:
    """Where a GPU of NVIDIA's must be served: on the CPU another library is taken."""
    torch = view.facts.torch
    if not (torch and torch.cuda and torch.version):
        return
    if not any(target.vendor == "nvidia" for target in view.targets):
        return
    for row in families.chosen():
        dist = view.dist(row.distribution)
        libraries = view.facts.binaries.libraries
        names = [basename(x.path) for x in libraries if x.distribution == row.distribution]
        has = sorted({cuda for name in names if (cuda := row.cuda_of(name))})
        named = view.env(row.variable) if row.variable else None
        own = minor(torch.cuda).replace(".", "")
        cuda = named or own
        other = cuda[:-1] != own[:-1]
        if (
            dist is None
            or not has
            or ((cuda in has or _is_near(row, dist, cuda, has)) and not other)
        ):
            continue
        told = tuple(f"CUDA {text[:-1]}.{text[-1]}" for text in has)
        wanted = row.library.replace("{cuda}", cuda)
        yield Unchosen(row, dist, torch.version, wanted, told, named is not None, cuda in has)


def _is_near(row: Chosen, dist: Distribution, cuda: str, has: list[str]) -> bool:
    """Whether the release takes that of the same major in its place."""
    near = row.major_since is not None and at_least(dist.version, row.major_since)
    return near and any(text[:-1] == cuda[:-1] for text in has)

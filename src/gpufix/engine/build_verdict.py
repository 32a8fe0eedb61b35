"""Whether what was built is what was asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.buildenv.folder import Folder
from gpufix.checks.gpu_code import Code, Service, listed, service
from gpufix.model import Library, Problem, Target, Torch
from gpufix.model.build import BuiltLibrary


def built(libraries: Sequence[Library]) -> list[BuiltLibrary]:
    """The libraries as a result shows them."""
    return [
        BuiltLibrary(
            path=library.path,
            code=listed(library.code),
            cxx11_abi=library.cxx11_abi,
            problems=[_problem(p) for p in library.problems if not p.driver],
        )
        for library in libraries
    ]


def faults(
    folder: Folder, libraries: Sequence[Library], targets: Sequence[Target], torch: Torch | None
) -> Iterator[str]:
    """Why a build whose programs succeeded has failed all the same."""
    if not libraries:
        yield "the programs succeeded, but no shared library came out"
        return
    yield from _gpu(folder, libraries, targets)
    for library in libraries:
        name = library.path.rpartition("/")[2]
        abi = library.cxx11_abi
        if torch and abi is not None and torch.cxx11_abi is not None and abi != torch.cxx11_abi:
            yield (
                f"{name} is built with _GLIBCXX_USE_CXX11_ABI={int(abi)}; "
                f"torch {torch.version} has {int(torch.cxx11_abi)}"
            )
        for problem in [p for p in library.problems if not p.driver][:3]:
            yield f"{name} would not load: {_problem(problem)}"


def _gpu(folder: Folder, libraries: Sequence[Library], targets: Sequence[Target]) -> Iterator[str]:
    code = Code("", tuple(o for library in libraries for o in library.code))
    if not code.objects:
        if targets and folder.gpu_sources:
            count, names = folder.gpu_sources, ", ".join(t.arch for t in targets)
            yield f"{count} GPU source file(s), but no GPU code in the product; needed: {names}"
        return
    for target in targets:
        if service(code, target) is Service.none:
            yield f"the product holds {listed(code.objects)}; none of it runs on {target.arch}"


def remarks(libraries: Sequence[Library], targets: Sequence[Target]) -> Iterator[str]:
    """What is worth knowing of a build that is no failure."""
    code = Code("", tuple(o for library in libraries for o in library.code))
    for target in targets if code.objects else ():
        how = service(code, target)
        if how is Service.jit:
            yield f"{target.arch} is served by PTX alone: the driver compiles it at first use"
        elif how is Service.unknown:
            yield f"whether the code runs on {target.arch} cannot be told"


def _problem(problem: Problem) -> str:
    words = {
        "missing-library": "library not found",
        "missing-version": "version not found",
        "undefined-symbol": "undefined symbol",
        "wrong-machine": "for another machine",
        "unusable": "unusable",
    }
    return f"{words[problem.kind]}: {problem.name}"

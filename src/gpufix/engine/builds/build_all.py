"""Builds folders, reads the products back, and says whether each is what was asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gpufix.engine.builds.build_process import Ended, Task, Watch, build_all
from gpufix.engine.builds.errors import first_errors
from gpufix.engine.builds.order import Order
from gpufix.engine.builds.product import product, read_back
from gpufix.evidence.gpu_code import Service, code_in, listed, service, targets_of_torch
from gpufix.evidence.view import View
from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read
from gpufix.fixes.build_environment.jobs import most_folders, most_jobs
from gpufix.fixes.build_environment.variables import Folder
from gpufix.model import Library, Problem, Target, Torch
from gpufix.model.outcome import BuildResult, BuiltLibrary

_LOG = 32 << 20  # bytes of a log that are searched for errors


def limits(view: View, folders: Sequence[Folder], requested: int | None) -> tuple[int, int]:
    """(folders at once, compilers in all). One folder with GPU sources makes all jobs as dear."""
    gpu = any(folder.gpu_sources for folder in folders)
    slots = min(len(folders), most_folders(view, gpu, requested))
    return max(1, slots), most_jobs(view, gpu, requested)


def build_folders(
    order: Order,
    folders: Sequence[Folder],
    requested: int | None,
    watch: Watch,
    own: Mapping[str, Order] | None = None,
) -> Iterator[BuildResult]:
    """One result a folder, in the order in which they end. `requested`: --jobs; `own`: the orders of
    folders that have their own, by path."""
    since = time.time()
    numbers = {folder.path: number for number, folder in enumerate(folders, 1)}
    orders = own or {}

    def prepare(folder: Folder, jobs: int) -> Task:
        return orders.get(folder.path, order).task(numbers[folder.path], folder, jobs)

    for ended in build_all(folders, prepare, limits(order.view, folders, requested), watch):
        yield _result(orders.get(ended.folder.path, order), ended, since)


def expected(view: View) -> list[Target]:
    """What the product must hold code for: the targets of torch's vendor; without a GPU torch, all."""
    torch = view.facts.torch
    return targets_of_torch(view) if torch and (torch.cuda or torch.hip) else list(view.targets)


def _result(order: Order, ended: Ended, since: float) -> BuildResult:
    folder, log = ended.folder, ended.task.log if ended.task else None
    ran = BuildResult(
        path=folder.path,
        distribution=folder.distribution,
        ok=False,
        seconds=round(ended.seconds, 2),
        jobs=ended.jobs,
        log=str(log) if log else None,
    )
    if ended.reason is not None:
        errors = first_errors(read(log, _LOG).decode("utf-8", "replace")) if log else []
        return replace(ran, reasons=[ended.reason], errors=errors)
    view = order.view
    python, torch, wanted = view.facts.python, view.facts.torch, expected(view)
    assert python is not None  # there would have been no command
    made = product(folder, python, since)
    libraries = read_back(CollectContext(environ=order.base), view.facts, made)
    reasons = list(faults(folder, libraries, wanted, torch))
    return replace(
        ran,
        distribution=made.distribution or folder.distribution,
        ok=not reasons,
        reasons=reasons,
        notes=list(remarks(libraries, wanted)),
        libraries=built(libraries),
    )


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
    code = code_in("", libraries)
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
    code = code_in("", libraries)
    for target in targets if code.objects else ():
        how = service(code, target)
        if how is Service.jit:
            yield f"{target.arch} is served by PTX only: the driver compiles it at first use"
        elif how is Service.partly:
            yield f"some units of the code hold none for {target.arch}: they may be for other GPUs"
        elif how is Service.unknown:
            yield f"whether the code runs on {target.arch} is not known"


def _problem(problem: Problem) -> str:
    words = {
        "missing-library": "library not found",
        "missing-version": "version not found",
        "undefined-symbol": "undefined symbol",
        "wrong-machine": "for another machine",
        "unusable": "unusable",
        "refused": "refused by the loader",
    }
    return f"{words[problem.kind]}: {problem.name}"

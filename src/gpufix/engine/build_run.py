"""Builds folders, reads the products back, and says what came of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from gpufix.buildenv.folder import Folder
from gpufix.buildenv.jobs import most_folders, most_jobs
from gpufix.checks.gpu_code import targets_of_torch
from gpufix.engine.build_many import Ended, Watch, build_all
from gpufix.engine.build_order import Order
from gpufix.engine.build_process import Task
from gpufix.engine.build_product import product
from gpufix.engine.build_readback import read_back
from gpufix.engine.build_verdict import built, faults, remarks
from gpufix.facts.context import Context
from gpufix.facts.files import read
from gpufix.model import Target
from gpufix.model.build import BuildResult
from gpufix.report.build_errors import first_errors
from gpufix.view import View

_LOG = 32 << 20  # bytes of a log that are searched for errors


def limits(view: View, folders: Sequence[Folder], asked: int | None) -> tuple[int, int]:
    """(folders at once, compilers in all). One folder with GPU sources makes all jobs as dear."""
    gpu = any(folder.gpu_sources for folder in folders)
    slots = min(len(folders), most_folders(view, gpu, asked))
    return max(1, slots), most_jobs(view, gpu, asked)


def build_folders(
    order: Order, folders: Sequence[Folder], asked: int | None, watch: Watch
) -> Iterator[BuildResult]:
    """One result a folder, in the order in which they end. `asked`: --jobs."""
    since = time.time()
    numbers = {folder.path: number for number, folder in enumerate(folders, 1)}

    def prepare(folder: Folder, jobs: int) -> Task:
        return order.task(numbers[folder.path], folder, jobs)

    for ended in build_all(folders, prepare, limits(order.view, folders, asked), watch):
        yield _result(order, ended, since)


def expected(view: View) -> list[Target]:
    """What the product must hold code for: the targets of torch's vendor; without a GPU torch, all."""
    torch = view.facts.torch
    return targets_of_torch(view) if torch and (torch.cuda or torch.hip) else list(view.targets)


def _result(order: Order, ended: Ended, since: float) -> BuildResult:
    folder, log = ended.folder, ended.task.log if ended.task else None
    common = {
        "path": folder.path,
        "distribution": folder.distribution,
        "seconds": round(ended.seconds, 2),
        "jobs": ended.jobs,
        "log": str(log) if log else None,
    }
    if ended.reason is not None:
        errors = first_errors(read(log, _LOG).decode("utf-8", "replace")) if log else []
        result = BuildResult(ok=False, reasons=[ended.reason], errors=errors, path=folder.path)
        return result.model_copy(update=common)
    view = order.view
    python, torch, wanted = view.facts.python, view.facts.torch, expected(view)
    assert python is not None  # there would have been no command
    made = product(folder, python, since)
    libraries = read_back(Context(environ=order.base), view.facts, made)
    reasons = list(faults(folder, libraries, wanted, torch))
    result = BuildResult(
        path=folder.path,
        ok=not reasons,
        reasons=reasons,
        notes=list(remarks(libraries, wanted)),
        libraries=built(libraries),
    )
    return result.model_copy(
        update={**common, "distribution": made.distribution or folder.distribution}
    )

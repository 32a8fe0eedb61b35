"""A whole smoke run: compile, run, judge, report."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gpufix
from gpufix.diagnosis.diagnose import patient_summary
from gpufix.kernels.compiler import Built
from gpufix.kernels.execute import TORCH_EXTENSION, RunResult, run_torch_extension
from gpufix.kernels.toolchain import KernelTarget
from gpufix.model import Facts, Finding
from gpufix.model.smoke_result import KernelRow, SmokeReport
from gpufix.smoke import smoke_findings as found
from gpufix.smoke.compile import Compiled, compile_suite
from gpufix.smoke.devices import Turns, lock_of, programs_at_once, run_on
from gpufix.smoke.launchers import launcher_notes
from gpufix.smoke.private import with_private_toolkit
from gpufix.smoke.request import SmokeRequest, patient_environment
from gpufix.smoke.rows import kernel_row, untried_row
from gpufix.smoke.run_device import Ran
from gpufix.smoke.siblings import spreads

Say = Callable[[str], None]


def smoke(
    facts: Facts,
    request: SmokeRequest,
    say: Say = lambda _: None,
    whole: Callable[[], Facts] | None = None,
) -> SmokeReport:
    """Raises OSError when the cache cannot be written, and PrivateToolkitError; whatever a kernel does is its result.

    `whole` gives the facts with the environment's libraries: without a compiler, what else helps them is named.
    """
    begin = time.monotonic()
    if request.private_toolkit:
        facts = with_private_toolkit(facts, request, say)
    compiled = compile_suite(facts, request, say)
    runs, extension = _run_everything(facts, request, compiled, say)
    ran = [run for some in runs.values() if isinstance(some, list) for run in some]
    return SmokeReport(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(facts),
        compilers=compiled.compilers,
        devices=[run.device for run in ran],
        kernels=_rows(request, compiled, runs, extension),
        findings=_findings(facts, compiled, runs, extension, say, whole),
        notes=_notes(facts, request),
        seconds=round(time.monotonic() - begin, 1),
        spreads=spreads(ran),
    )


Runs = dict[KernelTarget, list[Ran] | str]


def _run_everything(
    facts: Facts, request: SmokeRequest, compiled: Compiled, say: Say
) -> tuple[Runs, RunResult | None]:
    """The programs, and torch's extension beside them where there are cores and memory for both."""
    if request.compile_only:
        return {}, None
    if programs_at_once(facts, 1) == 1:
        return _run_all(facts, request, compiled, say, None), _torch_extension(
            facts, request, say, None
        )
    with (
        tempfile.TemporaryDirectory(prefix="gpufix-turns-") as folder,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        lock = lock_of(Path(folder), 0)
        building = pool.submit(_torch_extension, facts, request, say, lock)
        turns = Turns(Path(folder), building.result)
        return _run_all(facts, request, compiled, say, turns), building.result()


def _run_all(
    facts: Facts, request: SmokeRequest, compiled: Compiled, say: Say, turns: Turns | None
) -> Runs:
    return {
        target: run_on(facts, target, compiled.built, request.env, say, turns)
        for target in request.targets
        if any(b.target == target and b.ok for b in compiled.built)
    }


def _torch_extension(
    facts: Facts, request: SmokeRequest, say: Say, lock: Path | None
) -> RunResult | None:
    """Only where there is a torch to build with."""
    if not request.with_torch_extension or facts.python is None or facts.torch is None:
        return None
    say("building an extension with torch")
    env = patient_environment(facts, request.env)
    return run_torch_extension(Path(facts.python.executable), env, cache=request.cache, turns=lock)


def _rows(
    request: SmokeRequest,
    compiled: Compiled,
    runs: dict[KernelTarget, list[Ran] | str],
    extension: RunResult | None,
) -> list[KernelRow]:
    by = {(b.kernel.name, b.target): b for b in compiled.built}
    rows = []
    for target in request.targets:
        run = runs.get(target)
        each: list[Ran | str | None] = [*run] if isinstance(run, list) else [run]
        for one in each:
            for kernel in request.kernels:
                built = by.get((kernel.name, target))
                if built is None:
                    rows.append(untried_row(kernel.name, target))
                else:
                    rows.append(_row(built, one))
    if extension is not None:
        status = "cached" if extension.cached else "built"
        built = Built(TORCH_EXTENSION, KernelTarget("torch"), status)
        rows.append(kernel_row(built, extension, {}))
    return rows


def _row(built: Built, run: Ran | str | None) -> KernelRow:
    if not isinstance(run, Ran):
        return kernel_row(built, None, {}, why=run or "")
    result = run.results.get(built.kernel.name)
    return kernel_row(built, result, run.fractions, ordinal=run.device.ordinal)


def _findings(
    facts: Facts,
    compiled: Compiled,
    runs: dict[KernelTarget, list[Ran] | str],
    extension: RunResult | None,
    say: Say,
    whole: Callable[[], Facts] | None,
) -> list[Finding]:
    all_found: list[Finding] = []
    if compiled.without and whole is not None:
        say("looking for what needs no compiler")
        facts = whole()
    for target, choice in compiled.without.items():
        all_found += found.no_compiler(facts, target, choice)
    for words, targets in compiled.unusable.values():
        all_found.append(found.unusable_compiler(words, targets))
    all_found += found.not_compiled(compiled.built)
    for target, run in runs.items():
        if isinstance(run, str):
            all_found.append(found.no_device(target, run))
            continue
        all_found += found.on_devices(facts, target, run)
    if extension is not None:
        all_found += found.torch_extension(extension)
    return all_found


def _notes(facts: Facts, request: SmokeRequest) -> list[str]:
    notes = []
    if request.compile_only:
        notes.append("compiled only: nothing was run or validated")
    if request.with_torch_extension and not request.compile_only and facts.torch is None:
        notes.append("torch_extension not applicable: the patient has no torch")
    return notes if request.compile_only else [*notes, *launcher_notes(facts, request.env)]

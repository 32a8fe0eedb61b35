"""KRN9xx: what running found, one finding a cause."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gpufix.checks.registry import ADVICE, ERROR, Fault, Rule
from gpufix.checks.runtime.run806_out_of_memory import RUN806
from gpufix.checks.smoke.krn901_suite_kernel_does_not_compile import KRN901
from gpufix.checks.smoke.krn902_suite_kernel_does_not_run import KRN902
from gpufix.checks.smoke.krn903_suite_kernel_wrong_result import KRN903
from gpufix.checks.smoke.krn904_suite_kernel_slow import KRN904
from gpufix.checks.smoke.krn905_torch_extension_build_fails import KRN905
from gpufix.kernels.compiler import Built
from gpufix.kernels.execute import OUT_OF_MEMORY, RunResult
from gpufix.kernels.toolchain import KernelTarget
from gpufix.model import Facts, Finding, Severity
from gpufix.smoke.advice import compiler_sources, without_compiler
from gpufix.smoke.compile import ToolchainChoice, first_error
from gpufix.smoke.rows import Slow
from gpufix.smoke.run_device import Behind, Ran

_GIB = 1 << 30
_LINES = 12  # of a tool's words in one finding
_COMPILER = {"cuda": "nvcc", "hip": "hipcc, nor a clang++ that builds HIP programs,"}


def no_compiler(facts: Facts, target: KernelTarget, choice: ToolchainChoice) -> Iterator[Finding]:
    """KRN901 for a target without any compiler, and what would bring one; what failed at that."""
    found = _finding(
        KRN901,
        subject=str(target),
        message=f"No {_COMPILER[target.vendor]} was found for {target}.",
        evidence=choice.tried or ("looked at: CUDA_HOME, ROCM_HOME, PATH, /usr/local, /opt, "
                                  "conda and wheels of the patient, system packages",),
    )  # fmt: skip
    fallbacks, failed = without_compiler(facts, target)
    fixes = [*compiler_sources(facts, target), *fallbacks]
    yield replace(found, fixes=fixes)
    yield from failed


def unusable_compiler(words: str, targets: Sequence[KernelTarget]) -> Finding:
    """KRN901 for a compiler that does not even say its version."""
    named = ", ".join(map(str, targets))
    return _finding(
        KRN901,
        subject=named,
        message=f"The compiler for {named} cannot be asked for its version.",
        evidence=tuple(_some(words)),
    )


def not_compiled(built: Iterable[Built]) -> Iterator[Finding]:
    """KRN901, kernels that fail for one target with the same first error together."""
    failed = [b for b in built if b.status in ("failed", "timeout")]
    for alike in _alike(failed, lambda b: (str(b.target), b.status, _gist(b.log))):
        names = ", ".join(b.kernel.name for b in alike)
        first = alike[0]
        verb = "does" if len(alike) == 1 else "do"
        why = first_error(first.log) or "the compiler says nothing"
        yield _finding(
            KRN901,
            subject=names,
            message=f"{names} {verb} not compile for {first.target}: {why}",
            evidence=(*_some(first.log), f"$ {' '.join(first.command)}"),
        )


def on_devices(facts: Facts, target: KernelTarget, runs: Sequence[Ran]) -> Iterator[Finding]:
    """What running found on the devices of one target, which are named where there are several."""
    places = {id(run): f" GPU {run.device.ordinal}" if len(runs) > 1 else "" for run in runs}
    for alike in _alike(runs, _failures):
        where = places[id(alike[0])]
        if len(alike) > 1:
            where = f" GPUs {', '.join(str(run.device.ordinal) for run in alike)}"
        yield from not_run(facts, target, alike[0].results.values(), where)
    for run in runs:
        yield from wrong(target, run.results.values(), places[id(run)])
        yield from slow(target, run.slow, places[id(run)])
        yield from behind(target, run.behind, places[id(run)])


def _failures(run: Ran) -> object:
    """The same on devices that fail alike."""
    return tuple((r.kernel, r.status, r.cause or r.message) for r in _bad(run.results.values()))


def _bad(results: Iterable[RunResult]) -> list[RunResult]:
    return [r for r in results if r.status in ("error", "crashed", "timeout", "bad output")]


def not_run(
    facts: Facts, target: KernelTarget, results: Iterable[RunResult], where: str = ""
) -> Iterator[Finding]:
    """KRN902, and RUN806 for want of memory: kernels that end in the same way together."""
    for alike in _alike(_bad(results), lambda r: (r.status, r.cause or r.message)):
        first, names = alike[0], ", ".join(r.kernel for r in alike)
        memory = first.cause == OUT_OF_MEMORY
        yield _finding(
            RUN806 if memory else KRN902,
            subject=names,
            message=f"{names} on {target.arch}{where}: {first.cause or first.status}"
            f"{_free(facts, target) if memory else ''}",
            evidence=tuple(_some(first.message)),
        )


def _free(facts: Facts, target: KernelTarget) -> str:
    """What the GPUs of this kind had when they were looked at."""
    rows = [
        f"{gpu.memory_free / _GIB:.1f} of {gpu.memory_total / _GIB:.1f} GiB"
        for gpu in facts.gpus
        if (gpu.arch or "").partition(":")[0] == target.arch
        and gpu.memory_free is not None
        and gpu.memory_total is not None
    ]
    return f"; {', '.join(rows)} were free before." if rows else ""


def no_device(target: KernelTarget, why: str) -> Finding:
    """KRN902 for a GPU that the driver lists and the runtime does not show."""
    return _finding(
        KRN902,
        subject=str(target),
        message=f"Nothing was run for {target}: {why}.",
    )


def wrong(target: KernelTarget, results: Iterable[RunResult], where: str = "") -> Iterator[Finding]:
    """KRN903, one for each kernel."""
    for result in results:
        cases = [case for case in result.cases if case.status == "wrong"]
        if not cases:
            continue
        lines = [
            f"case {c.name}: error {_figure(c.max_err)} where {_figure(c.tolerance)} is allowed"
            for c in cases
        ]
        yield _finding(
            KRN903,
            subject=result.kernel,
            message=f"{result.kernel} on {target.arch}{where}: {lines[0]}.",
            evidence=tuple(lines[1:]),
        )


def slow(target: KernelTarget, found: Iterable[Slow], where: str = "") -> Iterator[Finding]:
    """KRN904: advice."""
    for one in found:
        medians = ", ".join(f"{f:.0%}" for f in one.fractions)
        yield _finding(
            KRN904,
            severity=ADVICE,
            subject=one.kernel,
            message=f"{one.kernel} on {target.arch}{where}: case {one.case} reaches at most "
            f"{max(one.fractions):.0%} of the {one.bound} roof in {len(one.fractions)} medians.",
            evidence=(f"medians: {medians}; the device was idle before and after, not throttled",),
        )


def behind(target: KernelTarget, found: Iterable[Behind], where: str) -> Iterator[Finding]:
    """KRN904 for a GPU that is slower than the others of its kind: advice."""
    for one in found:
        others = "the other GPU" if one.siblings == 1 else f"the median of {one.siblings} others"
        longer = ", ".join(f"{ratio - 1:.1%}" for ratio in one.ratios)
        yield _finding(
            KRN904,
            severity=ADVICE,
            subject=one.kernel,
            message=f"{one.kernel} on {target.arch}{where}: case {one.case} takes at least "
            f"{min(one.ratios) - 1:.1%} longer than on {others}, in {len(one.ratios)} medians.",
            evidence=(f"longer by: {longer}; the device was idle before and after, not throttled",),
        )


def torch_extension(result: RunResult) -> Iterator[Finding]:
    """KRN905."""
    if result.status in ("ok", "not applicable"):
        return
    wrong_cases = [case.name for case in result.cases if case.status == "wrong"]
    wrong = f"wrong: {', '.join(wrong_cases)}" if result.status == "wrong" else None
    why = wrong or first_error(result.message) or result.status
    yield _finding(
        KRN905,
        subject="torch_extension",
        message=f"torch's own extension build gives no working module: {why}",
        evidence=tuple(_some(result.message)),
    )


def _finding(
    rule: Rule,
    subject: str,
    message: str,
    evidence: Sequence[str] = (),
    severity: Severity = ERROR,
) -> Finding:
    return rule.finding(Fault(severity, subject, message, tuple(evidence)))


def _alike(items: Iterable[Any], key: Callable[[Any], object]) -> list[list[Any]]:
    groups: dict[object, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _gist(log: str) -> str:
    """The first error without files and numbers: the same cause in many places."""
    plain = re.sub(r"^\S+?\.\w+(\(\d+\)|:\d+(:\d+)?):\s*|\S*/\S+|line \d+", "", first_error(log))
    return " ".join(plain.split())


def _some(words: str) -> list[str]:
    """The first error and what follows it; all that is short."""
    lines = [line.rstrip()[:300] for line in words.splitlines() if line.strip()]
    if len(lines) <= _LINES:
        return lines
    error = first_error(words)
    at = next((i for i, line in enumerate(lines) if line.strip() == error[:300]), 0)
    kept = lines[at : at + _LINES]
    return [*kept, f"... {len(lines) - len(kept)} more lines"]


def _figure(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.3g}"

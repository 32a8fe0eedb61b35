"""The report's rows from what compiling and running gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gpufix.kernels.build import Built
from gpufix.kernels.roof import Achieved
from gpufix.kernels.run import CaseResult, RunResult
from gpufix.kernels.target import Target
from gpufix.model.smoke import CaseRow, Compiled, KernelRow, Ran, TimeMs

_WORDS = 2000  # characters of a tool's words in one row

Fractions = Mapping[tuple[str, str], Achieved]


def untried_row(kernel: str, target: Target) -> KernelRow:
    """For a target without a usable compiler: the finding says why."""
    return KernelRow(kernel=kernel, target=str(target), compiled="not tried")


def kernel_row(
    built: Built, result: RunResult | None, fractions: Fractions, why: str = ""
) -> KernelRow:
    """One kernel for one target; `result` None = it was not run, `why` perhaps why not."""
    row = KernelRow(
        kernel=built.kernel.name,
        target=str(built.target),
        compiled=cast(Compiled, built.status),
        compile_s=round(built.seconds, 2),
        ran="not applicable" if built.status == "not applicable" else "not run",
        message=""
        if built.status in ("built", "cached") and not why
        else why or built.log[:_WORDS],
    )
    if result is None:
        return row
    return row.model_copy(
        update={
            "ran": cast(Ran, result.status),
            "run_s": result.seconds,
            "cause": result.cause,
            "message": result.message[:_WORDS],
            "cases": [
                _case(case, fractions.get((built.kernel.name, case.name))) for case in result.cases
            ],
        }
    )


def _case(case: CaseResult, near: Achieved | None) -> CaseRow:
    time = case.time_ms
    return CaseRow(
        name=case.name,
        status=case.status,  # type: ignore[arg-type]  # run.py gives these three alone
        sizes=dict(case.sizes),
        max_err=case.max_err,
        tolerance=case.tolerance,
        time_ms=TimeMs(median=time.median, min=time.min, max=time.max, runs=time.runs)
        if time
        else None,
        bound=near.bound if near else None,
        fraction=round(near.fraction, 4) if near else None,
        judged=case.judged,
        why=case.why,
    )

"""The report's rows, and KRN904's judgement of a slow median."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from gpufix.frozen import Frozen
from gpufix.kernels.compiler import Built
from gpufix.kernels.execute import Achieved, CaseResult, Roofs, RunResult, achieved
from gpufix.kernels.toolchain import KernelTarget
from gpufix.model.smoke_result import CaseRow, Compiled, KernelRow, Ran, TimeMs
from gpufix.smoke import watch

HALF = 0.5
_MORE_MEDIANS = 2


class Slow(Frozen):
    """A judged case under half of its roof in every median."""

    kernel: str
    case: str
    bound: str
    fractions: tuple[float, ...]


def slow_cases(result: RunResult, limits: Roofs, again: Callable[[], RunResult]) -> list[Slow]:
    """Unknown is no fault: where the driver does not tell the device's state, nothing is said."""
    seen = {case.name: [f] for case in result.cases if (f := _fraction(case, limits)) < HALF}
    bus_id = str((result.device or {}).get("bus_id", ""))
    if not seen or result.status != "ok" or watch.at_rest(bus_id) is not True:
        return []
    for _ in range(_MORE_MEDIANS):
        repeated, throttled = watch.during(bus_id, max(1.0, result.seconds), again)
        if throttled is not False or repeated.status != "ok":
            return []
        for case in repeated.cases:
            if case.name in seen:
                seen[case.name].append(_fraction(case, limits))
    if watch.at_rest(bus_id) is not True:
        return []
    return [
        Slow(result.kernel, name, _bound(result, name, limits), tuple(fractions))
        for name, fractions in seen.items()
        if len(fractions) == 1 + _MORE_MEDIANS and max(fractions) < HALF
    ]


def _fraction(case: CaseResult, limits: Roofs) -> float:
    """1 for what cannot be judged."""
    near = achieved(case, limits) if case.judged else None
    return near.fraction if near else 1.0


def _bound(result: RunResult, name: str, limits: Roofs) -> str:
    case = next(case for case in result.cases if case.name == name)
    near = achieved(case, limits)
    return near.bound if near else ""


_WORDS = 2000  # characters of a tool's words in one row

Fractions = Mapping[tuple[str, str], Achieved]


def untried_row(kernel: str, target: KernelTarget) -> KernelRow:
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
    return replace(
        row,
        ran=cast(Ran, result.status),
        run_s=result.seconds,
        cause=result.cause,
        message=result.message[:_WORDS],
        cases=[_case(case, fractions.get((built.kernel.name, case.name))) for case in result.cases],
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

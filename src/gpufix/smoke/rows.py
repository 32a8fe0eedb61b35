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
    """Judged cases that stay under half of their roof."""
    lasting = steady(result, lambda case: _fraction(case, limits), lambda f: f < HALF, again)
    return [
        Slow(result.kernel, name, _bound(result, name, limits), fractions)
        for name, fractions in lasting.items()
    ]


def steady(
    result: RunResult,
    figure: Callable[[CaseResult], float],
    bad: Callable[[float], bool],
    again: Callable[[], RunResult],
) -> dict[str, tuple[float, ...]]:
    """The cases whose figure is bad in this run and in two more, on a GPU that is free.

    Unknown is no fault: where the driver does not tell the device's state, nothing is said.
    """
    seen = {case.name: [f] for case in result.cases if bad(f := figure(case))}
    bus_id = str((result.device or {}).get("bus_id", ""))
    if not seen or result.status != "ok" or watch.at_rest(bus_id) is not True:
        return {}
    for _ in range(_MORE_MEDIANS):
        repeated, throttled = watch.during(bus_id, max(1.0, result.seconds), again)
        if throttled is not False or repeated.status != "ok":
            return {}
        for case in repeated.cases:
            if case.name in seen:
                seen[case.name].append(figure(case))
    if watch.at_rest(bus_id) is not True:
        return {}
    lasting = {n: tuple(f) for n, f in seen.items() if len(f) == 1 + _MORE_MEDIANS}
    return {name: figures for name, figures in lasting.items() if all(map(bad, figures))}


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
    built: Built,
    result: RunResult | None,
    fractions: Fractions,
    why: str = "",
    ordinal: int | None = None,
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
        ordinal=ordinal,
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
    per_second = 1e3 / time.median if time and case.status == "valid" else 0.0
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
        gb_s=_rate(case.bytes, per_second, 1e9),
        tflop_s=_rate(case.flops, per_second, 1e12),
    )


def _rate(cost: float | None, per_second: float, unit: float) -> float | None:
    return round(cost * per_second / unit, 3) if cost and per_second else None

"""KRN904's judgement: three slow medians on a device that is idle, whole and not throttled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gpufix.kernels.roof import Roofs, achieved
from gpufix.kernels.run import CaseResult, RunResult
from gpufix.smoke import watch

HALF = 0.5
_MORE_MEDIANS = 2


@dataclass(frozen=True)
class Slow:
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

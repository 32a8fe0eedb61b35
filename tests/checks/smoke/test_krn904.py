"""KRN904: judged cases far under their roof, on a GPU that is free."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rows import Fires, calling, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.smoke.krn904_suite_kernel_slow import KRN904
from gpufix.kernels.execute import CaseResult, Roofs, RunResult, Time
from gpufix.kernels.toolchain import parse_target
from gpufix.model import Finding
from gpufix.smoke import watch
from gpufix.smoke.rows import slow_cases
from gpufix.smoke.smoke_findings import slow

ROOFS = Roofs(bandwidth=1e12, fp32=1e12, bf16=None)
QUIET = (True, True)  # before and after
NOT_ASKED = ()
COOL = (False, False)  # in the two medians more


def case(name: str, part: float, judged: bool = True, unit: str = "bytes") -> CaseResult:
    """A case that reaches this part of its roof."""
    ms = 1.0 / part
    cost = {"bytes": 1e9} if unit == "bytes" else {"flops": 1e9, "unit": unit}
    return CaseResult(name, "valid", time_ms=Time(ms, ms, ms, 20), judged=judged, **cost)


def ran(*cases: CaseResult, status: str = "ok") -> RunResult:
    return RunResult("stream", status, cases, device={"bus_id": "0000:01:00.0"}, seconds=3.0)


def judged(
    first: RunResult,
    *again: RunResult,
    rest: tuple[bool | None, ...] = QUIET,
    throttled: tuple[bool | None, ...] = COOL,
) -> tuple[object, ...]:
    return _found, first, again or (first, first), rest, throttled


def _found(
    first: RunResult,
    again: tuple[RunResult, ...],
    rest: tuple[bool | None, ...],
    throttled: tuple[bool | None, ...],
) -> Iterator[Finding]:
    """With NVML's answers as given, one for each question."""
    rests, heats, runs = iter(rest), iter(throttled), iter(again)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "at_rest", lambda _bus: next(rests))
        patch.setattr(watch, "during", lambda _bus, _s, work: (work(), next(heats)))
        found = slow_cases(first, ROOFS, lambda: next(runs))
    return slow(parse_target("sm_90+PTX"), found)


def fault(case: str, most: str, medians: str, bound: str = "bandwidth") -> Fault:
    return Fault(
        ADVICE,
        "stream",
        f"stream on sm_90: case {case} reaches at most {most} of the {bound} roof in 3 medians.",
        evidence=(f"medians: {medians}; the device was idle before and after, not throttled",),
    )


SLOW = ran(case("copy", 0.31))
SILENT = {
    "near the roof": judged(ran(case("copy", 0.9)), rest=NOT_ASKED),
    "half of the roof": judged(ran(case("copy", 0.5)), rest=NOT_ASKED),
    "a case that is not judged": judged(ran(case("copy", 0.1, judged=False)), rest=NOT_ASKED),
    "without a roof": judged(ran(case("copy", 0.1, unit="bf16"))),
    "wrong results": judged(ran(case("copy", 0.1), status="wrong"), SLOW, SLOW),
    "the second median is well": judged(SLOW, ran(case("copy", 0.9)), SLOW),
    "the third median is at the half": judged(SLOW, SLOW, ran(case("copy", 0.5))),
    "the case is not among the third run's": judged(SLOW, SLOW, ran(case("add", 0.1))),
    "the second run fails": judged(SLOW, ran(case("copy", 0.3), status="error"), SLOW),
    "in use before": judged(SLOW, rest=(False, True)),
    "not known to be idle before: AMD": judged(SLOW, rest=(None, True)),
    "in use afterwards": judged(SLOW, rest=(True, False)),
    "not known to be idle afterwards": judged(SLOW, rest=(True, None)),
    "throttled in the second run": judged(SLOW, throttled=(True, False)),
    "throttled in the third run": judged(SLOW, throttled=(False, True)),
    "not known whether it is throttled": judged(SLOW, throttled=(False, None)),
}

FIRING = {
    "the best of three medians is told": Fires(
        judged(SLOW, ran(case("copy", 0.4)), ran(case("copy", 0.2))),
        fault("copy", "40%", "31%, 40%, 20%"),
    ),
    "just under the half": Fires(
        judged(ran(case("copy", 0.499))), fault("copy", "50%", "50%, 50%, 50%")
    ),
    "by arithmetic": Fires(
        judged(ran(case("sum", 0.25, unit="fp32"))), fault("sum", "25%", "25%, 25%, 25%", "fp32")
    ),
    "two of three cases": Fires(
        judged(ran(case("copy", 0.25), case("scale", 0.8), case("triad", 0.125))),
        [fault("copy", "25%", "25%, 25%, 25%"), fault("triad", "12%", "12%, 12%, 12%")],
    ),
}

test_silent, test_firing = rows(calling(KRN904), SILENT, FIRING)

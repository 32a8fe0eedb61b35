"""GPUs of one kind in one machine: the spread of their times, and the one that stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from gpufix.kernels.execute import CaseResult
from gpufix.model.smoke_result import SpreadRow
from gpufix.smoke.rows import steady
from gpufix.smoke.run_device import Behind, Ran

BEHIND = 1.05
# GPUs that differ in one of these are not of one kind.
_KIND = ("name", "arch", "units", "clock_khz", "memory_clock_khz", "bus_bits")


def spreads(runs: Sequence[Ran]) -> list[SpreadRow]:
    """A row for each compared case that several GPUs of one kind timed with the same sizes."""
    return [_row(kernel, same) for kernel, same in _groups(runs)]


def judge(runs: Sequence[Ran]) -> None:
    """Run the kernels of what lags twice more, on its GPU only, and keep what stays behind."""
    norms: dict[tuple[int, str], dict[str, tuple[float, int]]] = {}
    for kernel, same in _groups(runs):
        for i, (ran, case) in enumerate(same):
            others = median(_ms(c) for j, (_, c) in enumerate(same) if j != i)
            known = any((s.kernel, s.case) == (kernel, case.name) for s in ran.slow)
            if not known and _ms(case) > BEHIND * others:
                cases = norms.setdefault((runs.index(ran), kernel), {})
                cases[case.name] = others, len(same) - 1
    for (at, kernel), cases in norms.items():
        runs[at].behind += _lasting(runs[at], kernel, cases)


def _lasting(ran: Ran, kernel: str, cases: dict[str, tuple[float, int]]) -> Iterator[Behind]:
    def ratio(case: CaseResult) -> float:
        timed = case.name in cases and case.status == "valid" and case.time_ms
        return _ms(case) / cases[case.name][0] if timed else 1.0

    found = steady(ran.results[kernel], ratio, lambda r: r > BEHIND, ran.again[kernel])
    for name, ratios in found.items():
        yield Behind(kernel, name, cases[name][1], ratios)


def _groups(runs: Sequence[Ran]) -> Iterator[tuple[str, list[tuple[Ran, CaseResult]]]]:
    """Each compared case with all GPUs that it can be compared on."""
    groups: dict[tuple[str, object], list[tuple[Ran, CaseResult]]] = {}
    for ran in runs:
        kind = tuple(ran.device.about.get(key) for key in _KIND)
        for kernel, result in ran.results.items():
            for case in result.cases:
                if ran.device.about and case.compared and case.status == "valid" and case.time_ms:
                    key = kernel, (kind, case.name, tuple(sorted(case.sizes.items())))
                    groups.setdefault(key, []).append((ran, case))
    for (kernel, _), same in groups.items():
        if len(same) > 1:
            yield kernel, same


def _row(kernel: str, same: Sequence[tuple[Ran, CaseResult]]) -> SpreadRow:
    times = [_ms(case) for _, case in same]
    slowest = max(range(len(times)), key=times.__getitem__)
    others = median(times[:slowest] + times[slowest + 1 :])
    return SpreadRow(
        kernel=kernel,
        case=same[0][1].name,
        target=same[0][0].device.target,
        ordinals=[ran.device.ordinal for ran, _ in same],
        times_ms=times,
        slowest=same[slowest][0].device.ordinal,
        ratio=round(times[slowest] / others, 4),
    )


def _ms(case: CaseResult) -> float:
    assert case.time_ms is not None
    return case.time_ms.median

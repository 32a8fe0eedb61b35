"""`smoke --quick` on every GPU: what failed, and who is behind the others of its kind, in the whole fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from gpufix.checks.smoke.flt1353_gpu_behind_the_fleet import FLT1353
from gpufix.checks.smoke.krn902_suite_kernel_does_not_run import KRN902
from gpufix.checks.smoke.krn903_suite_kernel_wrong_result import KRN903
from gpufix.fleet.smoke.answers import Ended, Looked
from gpufix.fleet.smoke.outcome import Outcome
from gpufix.frozen import Frozen
from gpufix.kernels.execute import NO_SUCH_DEVICE, CaseResult, RunResult, read_result
from gpufix.kernels.torch_program import TORCH_QUICK
from gpufix.model import ADVICE, ERROR
from gpufix.model.fleet_smoke import SmokeGpu, SmokeSpread

# Over the median of the others. Memory's bandwidth is alike on all GPUs of a kind (siblings.py: 5%);
# their clocks under load are not: up to 9% between GPUs of one cluster that are all well (Sinha et al.,
# "Not All GPUs Are Created Equal", SC22).
BEHIND = {"copy": 1.05, "matmul": 1.10}
_KIND = ("name", "arch", "units", "clock_khz", "memory_clock_khz", "bus_bits")

Again = Callable[[Sequence[str]], list[list[Looked]]]


class _Gpu(Frozen):
    """One GPU, and its times by case."""

    node: str
    ordinal: int
    result: RunResult

    @property
    def name(self) -> str:
        return f"{self.node} GPU {self.ordinal}"

    def case(self, name: str) -> CaseResult | None:
        """The case, where it is right and timed."""
        found = (c for c in self.result.cases if c.name == name and c.status == "valid")
        return next((c for c in found if c.time_ms), None)

    def ms(self, name: str) -> float | None:
        case = self.case(name)
        return case.time_ms.median if case and case.time_ms else None


def judge(found: Outcome, again: Again) -> None:
    """Rows and findings of all GPUs. `again`: further looks at some nodes, while the others rest."""
    gpus = list(_gpus(found.nodes))
    found.gpus += map(_row, gpus)
    for gpu in gpus:
        _failed(found, gpu)
    lagging: dict[tuple[str, int, str], list[float]] = {}
    for case, same in _groups(gpus):
        found.spreads.append(_spread(case, same))
        for gpu, ms, usual in _ratios(case, same):
            if ms > BEHIND[case] * usual:
                lagging[gpu.node, gpu.ordinal, case] = [ms / usual]
    if lagging:
        norms = {
            (g.node, g.ordinal, c): u for c, same in _groups(gpus) for g, _, u in _ratios(c, same)
        }
        _confirm(lagging, norms, again(sorted({node for node, _, _ in lagging})))
        _behind(found, lagging)


def _gpus(nodes: Sequence[Looked]) -> Iterator[_Gpu]:
    for one in nodes:
        for ordinal, ended in enumerate(one.quick):
            result = result_of(ended)
            if result.cause != NO_SUCH_DEVICE:
                yield _Gpu(one.node, ordinal, result)


def result_of(ended: Ended) -> RunResult:
    """As `gpufix smoke --quick` reads it."""
    return read_result(TORCH_QUICK, ended.finished)


def _row(gpu: _Gpu) -> SmokeGpu:
    copy, product = gpu.case("copy"), gpu.case("matmul")
    return SmokeGpu(
        node=gpu.node,
        ordinal=gpu.ordinal,
        name=str((gpu.result.device or {}).get("name") or "")[:80],
        status=gpu.result.status,
        cause=gpu.result.cause or gpu.result.message[:200],
        copy_gb_s=_rate(copy.bytes, gpu.ms("copy"), 1e9) if copy else None,
        matmul_tflop_s=_rate(product.flops, gpu.ms("matmul"), 1e12) if product else None,
    )


def _rate(cost: float | None, ms: float | None, unit: float) -> float | None:
    return round(cost / ms * 1e3 / unit, 1) if cost and ms else None


def _failed(found: Outcome, gpu: _Gpu) -> None:
    result = gpu.result
    if result.status == "wrong":
        cases = ", ".join(c.name for c in result.cases if c.status == "wrong")
        message = f"{gpu.name} computes {cases} wrong."
        found.find(KRN903, ERROR, gpu.name, message, [gpu.node])
    elif result.status not in ("ok", "not applicable"):
        words = result.cause or " ".join(result.message.split())[:200] or result.status
        message = f"torch does not work on {gpu.name}: {words}"
        found.find(KRN902, ERROR, gpu.name, message, [gpu.node])


def _groups(gpus: Sequence[_Gpu]) -> Iterator[tuple[str, list[_Gpu]]]:
    """The GPUs of one kind that timed a case with the same sizes, where there are several."""
    for case in BEHIND:
        kinds: dict[object, list[_Gpu]] = {}
        for gpu in gpus:
            timed = gpu.case(case)
            if timed is not None:
                about = gpu.result.device or {}
                kind = tuple(about.get(key) for key in _KIND), tuple(sorted(timed.sizes.items()))
                kinds.setdefault(kind, []).append(gpu)
        for same in kinds.values():
            if len(same) > 1:
                yield case, same


def _ratios(case: str, same: Sequence[_Gpu]) -> Iterator[tuple[_Gpu, float, float]]:
    """Each GPU, its time, and the median of the others."""
    times = [gpu.ms(case) or 0.0 for gpu in same]
    for at, gpu in enumerate(same):
        yield gpu, times[at], median(times[:at] + times[at + 1 :])


def _spread(case: str, same: Sequence[_Gpu]) -> SmokeSpread:
    slowest, ms, usual = max(_ratios(case, same), key=lambda row: row[1])
    return SmokeSpread(
        case=case,
        kind=str((slowest.result.device or {}).get("name") or "")[:80],
        gpus=len(same),
        median_ms=round(median(gpu.ms(case) or 0.0 for gpu in same), 6),
        slowest=slowest.name,
        ratio=round(ms / usual, 4),
    )


def _confirm(
    lagging: dict[tuple[str, int, str], list[float]],
    norms: dict[tuple[str, int, str], float],
    looks: Sequence[Sequence[Looked]],
) -> None:
    """Keep who lags in each further look, too."""
    for look in looks:
        now = {(g.node, g.ordinal): g for g in _gpus(look)}
        for key in list(lagging):
            node, ordinal, case = key
            gpu = now.get((node, ordinal))
            ms = gpu.ms(case) if gpu else None
            if ms is None or ms <= BEHIND[case] * norms[key]:
                del lagging[key]
            else:
                lagging[key].append(ms / norms[key])


def _behind(found: Outcome, lagging: dict[tuple[str, int, str], list[float]]) -> None:
    for (node, ordinal, case), ratios in lagging.items():
        name = f"{node} GPU {ordinal}"
        message = (
            f"{name}: {case} takes at least {min(ratios) - 1:.1%} longer than the median of the "
            f"other GPUs of its kind, in {len(ratios)} medians."
        )
        found.find(FLT1353, ADVICE, name, message, [node])

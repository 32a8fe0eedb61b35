"""`gpufix smoke --quick`: does each GPU work with the patient's torch? Nothing is compiled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import gpufix
from gpufix.diagnosis.diagnose import patient_summary
from gpufix.kernels.compiler import Built
from gpufix.kernels.execute import NO_SUCH_DEVICE, RunResult
from gpufix.kernels.formula import number
from gpufix.kernels.toolchain import KernelTarget
from gpufix.kernels.torch_program import TORCH_QUICK, run_torch_quick
from gpufix.model import Facts
from gpufix.model.smoke_result import DeviceRow, KernelRow, SmokeReport
from gpufix.smoke import smoke_findings as found
from gpufix.smoke.launchers import launcher_notes
from gpufix.smoke.request import patient_environment
from gpufix.smoke.rows import kernel_row
from gpufix.smoke.run_device import Ran
from gpufix.smoke.siblings import judge, spreads

_MOST = 64  # GPUs of one machine

Say = Callable[[str], None]
Run = Callable[[int], RunResult]


def quick(
    facts: Facts, target: KernelTarget, env: Mapping[str, str], say: Say = lambda _: None
) -> SmokeReport:
    """On every GPU that torch sees, side by side. `target` names one that torch does not see."""
    begin = time.monotonic()
    if facts.python is None or facts.torch is None:
        return _report(facts, begin, [], ["torch_quick not applicable: the patient has no torch"])
    notes = launcher_notes(facts, env)
    python, env = Path(facts.python.executable), patient_environment(facts, env)
    say("asking torch about the GPUs")
    ran = measure(len(facts.gpus), target, lambda n: run_torch_quick(python, _device(n), env))
    return _report(facts, begin, ran, notes)


def _device(ordinal: int) -> list[str]:
    return ["--device", str(ordinal)]


def measure(expected: int, target: KernelTarget, run: Run) -> list[Ran]:
    """On as many GPUs as are expected; then on those that only torch sees."""
    results = _side_by_side(range(max(1, expected)), run)
    seen = [count for r in results if (count := number((r.device or {}).get("visible")))]
    results += _side_by_side(range(len(results), int(min(_MOST, max(seen, default=0)))), run)
    hidden = [r.cause == NO_SUCH_DEVICE for r in results]
    shown = [i for i, gone in enumerate(hidden) if not gone] or [0]
    if len({(results[i].status, results[i].cause) for i in shown}) == 1 and not seen:
        shown = shown[:1]  # torch as a whole fails: no GPU is to be named
    runs = [_ran(i, results[i], target, run) for i in shown]
    for alike in _by_target(runs).values():
        judge(alike)
    return runs


def _side_by_side(ordinals: range, run: Run) -> list[RunResult]:
    with ThreadPoolExecutor(max_workers=max(1, len(ordinals))) as pool:
        return list(pool.map(run, ordinals))


def _ran(ordinal: int, result: RunResult, target: KernelTarget, run: Run) -> Ran:
    arch = (result.device or {}).get("arch")
    ran = Ran(DeviceRow(target=str(arch or target), ordinal=ordinal))
    ran.take(result, partial(run, ordinal))
    return ran


def _by_target(runs: Sequence[Ran]) -> dict[str, list[Ran]]:
    groups: dict[str, list[Ran]] = {}
    for ran in runs:
        groups.setdefault(ran.device.target, []).append(ran)
    return groups


def _report(
    facts: Facts, begin: float, runs: Sequence[Ran], notes: Sequence[str] = ()
) -> SmokeReport:
    groups = _by_target(runs).items()
    return SmokeReport(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(facts),
        devices=[ran.device for ran in runs if ran.device.about],
        kernels=[_row(ran) for ran in runs],
        findings=[
            finding
            for target, alike in groups
            for finding in found.on_devices(facts, KernelTarget(target), alike)
        ],
        notes=list(notes),
        seconds=round(time.monotonic() - begin, 1),
        spreads=[row for _, alike in groups for row in spreads(alike)],
    )


def _row(ran: Ran) -> KernelRow:
    built = Built(TORCH_QUICK, KernelTarget(ran.device.target), "not applicable")
    result = ran.results[TORCH_QUICK.name]
    row = kernel_row(built, result, ran.fractions, ordinal=ran.device.ordinal)
    return replace(row, compiled="not applicable")

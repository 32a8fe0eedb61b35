"""The running half, one device at a time: each program alone, so that times mean something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gpufix.kernels.build import Built
from gpufix.kernels.roof import Achieved, Roofs, achieved, roofs
from gpufix.kernels.run import RunResult, run_program
from gpufix.kernels.target import Target
from gpufix.model import Facts
from gpufix.model.smoke import DeviceRow
from gpufix.smoke.slow import Slow, slow_cases
from gpufix.smoke.targets import ordinal_of


@dataclass
class Ran:
    """Every program's result by kernel, on one device."""

    device: DeviceRow
    results: dict[str, RunResult] = field(default_factory=dict)
    fractions: dict[tuple[str, str], Achieved] = field(default_factory=dict)
    slow: list[Slow] = field(default_factory=list)
    others: int = 0  # devices of the same architecture that were left alone


def run_on(
    facts: Facts,
    target: Target,
    built: Sequence[Built],
    env: Mapping[str, str],
    say: Callable[[str], None],
) -> Ran | str:
    """Run what was built for the target on the first such device; or why there is none."""
    programs = [b for b in built if b.target == target and b.program is not None]
    ordinal, others = ordinal_of(facts, target, _asker(programs, env))
    if ordinal is None:
        shown = env.get(
            "CUDA_VISIBLE_DEVICES" if target.vendor == "cuda" else "HIP_VISIBLE_DEVICES"
        )
        hidden = f" (VISIBLE_DEVICES is {shown!r})" if shown is not None else ""
        return f"the runtime shows no {target.arch} device{hidden}"
    ran = Ran(DeviceRow(target=str(target), ordinal=ordinal), others=others)
    for i, one in enumerate(programs):
        say(f"running {i + 1} of {len(programs)}: {one.kernel.name} on {target.arch}")
        result = _run(one, ordinal, env)
        ran.results[one.kernel.name] = result
        limits = _limits(ran, result)
        for case in result.cases:
            if near := achieved(case, limits):
                ran.fractions[one.kernel.name, case.name] = near
        ran.slow += slow_cases(result, limits, _again(one, ordinal, env))
    return ran


def _run(built: Built, ordinal: int, env: Mapping[str, str], *more: str) -> RunResult:
    assert built.program is not None
    arguments = ["--device", str(ordinal), *more]
    return run_program(built.kernel, built.program, arguments, env)


def _again(built: Built, ordinal: int, env: Mapping[str, str]) -> Callable[[], RunResult]:
    return lambda: _run(built, ordinal, env)


def _asker(programs: Sequence[Built], env: Mapping[str, str]) -> Callable[[int], str | None]:
    """The smallest program's first line says which device has an ordinal."""
    quick = sorted(programs, key=lambda b: b.kernel.source.stat().st_size)

    def arch_of(ordinal: int) -> str | None:
        result = _run(quick[0], ordinal, env, "--check-only") if quick else None
        return str(result.device.get("arch")) if result and result.device else None

    return arch_of


def _limits(ran: Ran, result: RunResult) -> Roofs:
    """The roofs of the device as the first program that saw it describes it."""
    if not ran.device.about and result.device:
        limits = roofs(result.device)
        ran.device = ran.device.model_copy(
            update={
                "about": dict(result.device),
                "bandwidth": limits.bandwidth,
                "fp32": limits.fp32,
                "bf16": limits.bf16,
            }
        )
    return Roofs(ran.device.bandwidth, ran.device.fp32, ran.device.bf16)

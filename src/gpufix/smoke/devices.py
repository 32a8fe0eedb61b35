"""The running half, one device at a time; from GPUs as named to the suite's targets and ordinals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gpufix.evidence import targets as patient_targets
from gpufix.kernels.compiler import Built
from gpufix.kernels.execute import Achieved, Roofs, RunResult, achieved, roofs, run_program
from gpufix.kernels.toolchain import KernelTarget, parse_target
from gpufix.knowledge.gpus import models
from gpufix.model import Facts
from gpufix.model.smoke_result import DeviceRow
from gpufix.smoke.rows import Slow, slow_cases


class NoTarget(ValueError):
    """Nothing to compile for, or nothing to run on. The message is a hint for the user."""


def targets_of(facts: Facts, named: Sequence[str], compile_only: bool) -> list[KernelTarget]:
    """The named GPUs, else the visible ones: each architecture once.

    Raises NoTarget, and knowledge.gpus.GpuNameError for a name that is not one GPU's.
    """
    if not named and not (found := _visible(facts)):
        raise NoTarget(
            "no GPU is visible: name what to compile for, as in "
            "`gpufix smoke --compile-only --gpu sm_120`" + _why_none(facts)
        )
    chosen = _unique([_named(name) for name in named]) if named else found
    if not compile_only:
        here = {target.arch for target in _visible(facts)}
        away = [target.arch for target in chosen if target.arch not in here]
        if away:
            raise NoTarget(
                f"{', '.join(away)} is not among the visible GPUs ({', '.join(sorted(here)) or 'none'}): "
                "--compile-only compiles for it without running" + _why_none(facts)
            )
    return chosen


def _named(text: str) -> KernelTarget:
    plain = re.sub(r"(?i)\+ptx$", "", text.strip())
    target = _target(models.resolve(plain).arch, f"--gpu {text}")
    return KernelTarget(target.arch, ptx=plain != text.strip())


def _visible(facts: Facts) -> list[KernelTarget]:
    return _unique([_target(t.arch, t.source) for t in patient_targets.choose(facts, ())])


def _target(arch: str, source: str) -> KernelTarget:
    """Feature flags are dropped: code for gfx90a serves gfx90a:xnack- too."""
    try:
        return parse_target(arch.partition(":")[0])
    except ValueError as error:
        raise NoTarget(f"{source}: {error}") from None


def _unique(found: Sequence[KernelTarget]) -> list[KernelTarget]:
    first: dict[str, KernelTarget] = {}
    for target in found:
        first.setdefault(target.arch, target)
    return list(first.values())


def _why_none(facts: Facts) -> str:
    gaps = [gap for gap in facts.gaps if gap.section in ("gpus", "drivers")]
    return f" ({gaps[0].subject}: {gaps[0].reason})" if gaps and not facts.gpus else ""


def ordinal_of(
    facts: Facts, target: KernelTarget, arch_of: Callable[[int], str | None]
) -> tuple[int | None, int]:
    """(the runtime's number of the first such device, how many more of its kind are visible).

    Runtimes number devices otherwise than drivers do, so with GPUs of several architectures each
    is asked: ``arch_of(ordinal)`` is the runtime's answer. None = it shows no such device.
    """
    vendor = "nvidia" if target.vendor == "cuda" else "amd"
    archs = [(g.arch or "").partition(":")[0] for g in facts.gpus if g.vendor == vendor]
    more = max(0, archs.count(target.arch) - 1)
    if len(set(archs)) <= 1:
        return 0, more
    return next((i for i in range(len(archs)) if arch_of(i) == target.arch), None), more


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
    target: KernelTarget,
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
        ran.device = replace(
            ran.device,
            about=dict(result.device),
            bandwidth=limits.bandwidth,
            fp32=limits.fp32,
            bf16=limits.bf16,
        )
    return Roofs(ran.device.bandwidth, ran.device.fp32, ran.device.bf16)

"""The running half, all devices of a kind at once; from GPUs as named to the suite's targets and ordinals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from gpufix.evidence import targets as patient_targets
from gpufix.frozen import Frozen
from gpufix.kernels.compiler import Built
from gpufix.kernels.execute import (
    DEVICE_BUSY,
    NO_DEVICE,
    NO_SUCH_DEVICE,
    OUT_OF_MEMORY,
    RunResult,
    run_program,
)
from gpufix.kernels.toolchain import KernelTarget, parse_target
from gpufix.knowledge.gpus import models
from gpufix.model import Facts
from gpufix.model.smoke_result import DeviceRow
from gpufix.smoke.run_device import Ran
from gpufix.smoke.siblings import judge


class NoTarget(ValueError):
    """Nothing to compile for, or nothing to run on. The message is a hint for the user."""


def targets_of(
    facts: Facts, named: Sequence[str], compile_only: bool, quick: bool = False
) -> list[KernelTarget]:
    """The named GPUs, else the visible ones: each architecture once.

    Raises NoTarget, and knowledge.gpus.GpuNameError for a name that is not one GPU's.
    """
    if not named and not (found := _visible(facts)):
        without = "name what to compile for, as in `gpufix smoke --compile-only --gpu sm_120`"
        without = "--quick needs one" if quick else without
        raise NoTarget(f"no GPU is visible: {without}{_why_none(facts)}")
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


def ordinals_of(
    facts: Facts, target: KernelTarget, arch_of: Callable[[int], str | None]
) -> list[int]:
    """The runtime's numbers of the target's devices.

    Runtimes number devices otherwise than drivers do, and variables hide some: with several GPUs
    each number is asked. ``arch_of(ordinal)`` is the runtime's answer; None = it shows no such
    device, "" = it has one that does not answer: its programs then say why, where only devices of this
    architecture are unaccounted for.
    """
    vendor = "nvidia" if target.vendor == "cuda" else "amd"
    archs = [(g.arch or "").partition(":")[0] for g in facts.gpus if g.vendor == vendor]
    if len(archs) <= 1:
        return [0]
    with ThreadPoolExecutor(max_workers=len(archs)) as pool:
        shown = list(pool.map(arch_of, range(len(archs))))
    missing = Counter(archs) - Counter(arch for arch in shown if arch)
    wanted = {target.arch, ""} if set(missing) == {target.arch} else {target.arch}
    found = [i for i, arch in enumerate(shown) if arch in wanted]
    return found or ([0] if len(set(archs)) == 1 else [])


class Turns(Frozen):
    """`folder`: for the devices' locks. `rest` returns when nothing else of ours works on them."""

    folder: Path
    rest: Callable[[], object]


def run_on(
    facts: Facts,
    target: KernelTarget,
    built: Sequence[Built],
    env: Mapping[str, str],
    say: Callable[[str], None],
    turns: Turns | None,
) -> list[Ran] | str:
    """Run what was built for the target on all such devices, side by side; or why there is none.

    With `turns`, a device's programs run beside each other.
    """
    programs = [b for b in built if b.target == target and b.program is not None]
    ordinals = ordinals_of(facts, target, _asker(programs, env))
    if not ordinals:
        shown = env.get(
            "CUDA_VISIBLE_DEVICES" if target.vendor == "cuda" else "HIP_VISIBLE_DEVICES"
        )
        hidden = f" (VISIBLE_DEVICES is {shown!r})" if shown is not None else ""
        return f"the runtime shows no {target.arch} device{hidden}"
    runs = [Ran(DeviceRow(target=str(target), ordinal=ordinal)) for ordinal in ordinals]
    beside = programs_at_once(facts, len(runs)) if turns else 1
    with ThreadPoolExecutor(max_workers=len(runs)) as pool:
        list(pool.map(lambda ran: _run_all(ran, programs, env, say, beside, turns), runs))
    judge(runs)
    return runs


_HOST_BYTES = 3 << 30  # the most that a program takes
_DEVICE_BYTES = 20 << 30  # all of them together, and stream still has room for its arrays


def programs_at_once(facts: Facts, devices: int) -> int:
    """How many of a device's programs run beside each other: 1 where their memory might not fit.

    They take turns on the device (kernels/common/turns.h), so that times are taken on a quiet one.
    """
    memory = facts.host.memory_available
    smallest = min((gpu.memory_total or 0 for gpu in facts.gpus), default=0)
    if facts.host.os == "Windows" or not memory or smallest < _DEVICE_BYTES:
        return 1
    return max(1, min(facts.host.cpus - 1, memory // _HOST_BYTES) // devices)


def _run_all(
    ran: Ran,
    programs: Sequence[Built],
    env: Mapping[str, str],
    say: Callable[[str], None],
    beside: int,
    turns: Turns | None,
) -> None:
    where = f"{ran.device.target} GPU {ran.device.ordinal}"
    runs = [partial(_run, one, ran.device.ordinal, env) for one in programs]

    def start(i: int, *more: str) -> RunResult:
        say(f"running {i + 1} of {len(programs)}: {programs[i].kernel.name} on {where}")
        return runs[i](*more)

    more = (
        ("--turns", str(lock_of(turns.folder, ran.device.ordinal))) if turns and beside > 1 else ()
    )
    with ThreadPoolExecutor(max_workers=beside) as pool:
        results = list(pool.map(lambda i: start(i, *more), range(len(runs))))
    if turns:
        turns.rest()  # slow times are tried again on an idle device
    for i, result in enumerate(results):
        # It may have waited for a program that hangs, or lacked what the others held.
        if beside > 1 and (result.status == "timeout" or result.cause in _MAY_BE_THE_OTHERS):
            result = start(i)
        ran.take(result, runs[i])


def lock_of(folder: Path, ordinal: int | None) -> Path:
    """The file by whose lock a device's programs take turns."""
    return folder / str(ordinal)


_MAY_BE_THE_OTHERS = (OUT_OF_MEMORY, DEVICE_BUSY)


def _run(built: Built, ordinal: int, env: Mapping[str, str], *more: str) -> RunResult:
    assert built.program is not None
    arguments = ["--device", str(ordinal), *more]
    return run_program(built.kernel, built.program, arguments, env)


def _asker(programs: Sequence[Built], env: Mapping[str, str]) -> Callable[[int], str | None]:
    """The smallest program's first line says which device has an ordinal."""
    quick = sorted(programs, key=lambda b: b.kernel.source.stat().st_size)

    def arch_of(ordinal: int) -> str | None:
        if not quick:
            return None
        result = _run(quick[0], ordinal, env, "--check-only")
        if result.device:
            return str(result.device.get("arch"))
        return None if result.cause in (NO_SUCH_DEVICE, NO_DEVICE) else ""

    return arch_of

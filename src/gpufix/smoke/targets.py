"""From GPUs as users and drivers name them to the suite's targets, and to device ordinals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gpufix import targets as patient_targets
from gpufix.kernels.target import Target, parse_target
from gpufix.knowledge import gpus
from gpufix.model import Facts


class NoTarget(ValueError):
    """Nothing to compile for, or nothing to run on. The message is a hint for the user."""


def targets_of(facts: Facts, named: Sequence[str], compile_only: bool) -> list[Target]:
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


def _named(text: str) -> Target:
    plain = re.sub(r"(?i)\+ptx$", "", text.strip())
    target = _target(gpus.resolve(plain).arch, f"--gpu {text}")
    return Target(target.arch, ptx=plain != text.strip())


def _visible(facts: Facts) -> list[Target]:
    return _unique([_target(t.arch, t.source) for t in patient_targets.choose(facts, ())])


def _target(arch: str, source: str) -> Target:
    """Feature flags are dropped: code for gfx90a serves gfx90a:xnack- too."""
    try:
        return parse_target(arch.partition(":")[0])
    except ValueError as error:
        raise NoTarget(f"{source}: {error}") from None


def _unique(found: Sequence[Target]) -> list[Target]:
    first: dict[str, Target] = {}
    for target in found:
        first.setdefault(target.arch, target)
    return list(first.values())


def _why_none(facts: Facts) -> str:
    gaps = [gap for gap in facts.gaps if gap.section in ("gpus", "drivers")]
    return f" ({gaps[0].subject}: {gaps[0].reason})" if gaps and not facts.gpus else ""


def ordinal_of(
    facts: Facts, target: Target, arch_of: Callable[[int], str | None]
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

"""The order in which builds that serve are offered."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from gpufix.checks.building import same_major
from gpufix.checks.gpu_code import Service
from gpufix.knowledge import torch_releases
from gpufix.knowledge.versions import at_least, numbers
from gpufix.recommend.build import Build
from gpufix.recommend.obstacles import services
from gpufix.recommend.question import Question

Key = Callable[[Build], tuple[Any, ...]]


class Prefer(str, Enum):
    """What matters most among builds that serve equally well."""

    newest = "newest"
    oldest_cuda = "oldest-cuda"
    smallest_change = "smallest-change"


def key(question: Question, prefer: Prefer) -> Key:
    """The sort key of a preference: the best build is the least."""
    names = torch_releases.versions()
    here = names.index(question.now.release) if question.now.release in names else None
    last = len(names) - 1

    def newest(build: Build) -> tuple[Any, ...]:
        age = last - names.index(build.release.version)
        common = not native(build, question), _beyond(build, question), _limited(build)
        return (*common, age, *_fresh(build, question))

    def oldest_cuda(build: Build) -> tuple[Any, ...]:
        age = last - names.index(build.release.version)
        return (not native(build, question), _limited(build), _step(_platform(build)), age)

    def smallest_change(build: Build) -> tuple[Any, ...]:
        at, start = names.index(build.release.version), last if here is None else here
        return (abs(at - start), at < start, *_distance(build, question))

    return {
        Prefer.newest: newest,
        Prefer.oldest_cuda: oldest_cuda,
        Prefer.smallest_change: smallest_change,
    }[prefer]


def native(build: Build, question: Question) -> bool:
    """Whether every target has machine code in it."""
    return all(s is Service.native for s in services(build, question).values())


def _fresh(build: Build, question: Question) -> tuple[bool, int]:
    """What a plain install brings first, then the newest CUDA."""
    usual = build.release.default.get(question.platform) == build.name
    return not usual, -_step(_platform(build))


def _distance(build: Build, question: Question) -> tuple[Any, ...]:
    """Machine code first, and no CUDA newer than the driver's: only minor-version compatibility
    serves that. Then what is nearest to the CUDA of now: torch's, else the toolkit's; without
    either what a plain install brings, else the newest.
    """
    now = _now(build, question)
    slow, beyond = not native(build, question), _beyond(build, question)
    if now is None:
        return slow, beyond, False, _limited(build), *_fresh(build, question)
    steps = abs(_step(_platform(build)) - _step(now))
    return slow, beyond, not same_major(_platform(build), now), _limited(build), steps


def _now(build: Build, question: Question) -> str | None:
    now, variant = question.now, build.variant
    if variant is None:
        return None
    if variant.rocm:
        return now.rocm
    return now.cuda or now.toolkit


def _limited(build: Build) -> bool:
    return bool(build.variant and build.variant.limited)


def _beyond(build: Build, question: Question) -> bool:
    """Whether its CUDA is newer than the one that the driver was made for."""
    cuda = build.variant.cuda if build.variant else None
    return bool(cuda and question.driver and not at_least(question.driver.cuda, cuda))


def _platform(build: Build) -> str:
    variant = build.variant
    return (variant.cuda or variant.rocm or "") if variant else ""


def _step(version: str) -> int:
    first, second, *_ = (*numbers(version), 0, 0)
    return first * 100 + second

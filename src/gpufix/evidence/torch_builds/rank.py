"""Builds weighed: those that serve, in the order in which they are offered, and the nearest others."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from gpufix.evidence.building import same_major
from gpufix.evidence.gpu_code import Service
from gpufix.evidence.torch_builds.candidates import Extension, TorchBuild, builds
from gpufix.evidence.torch_builds.obstacles import Kind, Obstacle, obstacles, services
from gpufix.evidence.torch_builds.question import Question, of_view
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import at_least, numbers
from gpufix.model import Target

Key = Callable[[TorchBuild], tuple[Any, ...]]


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

    def newest(build: TorchBuild) -> tuple[Any, ...]:
        age = last - names.index(build.release.version)
        common = not native(build, question), _beyond(build, question), _limited(build)
        return (*common, age, *_fresh(build, question))

    def oldest_cuda(build: TorchBuild) -> tuple[Any, ...]:
        age = last - names.index(build.release.version)
        return (not native(build, question), _limited(build), _step(_platform(build)), age)

    def smallest_change(build: TorchBuild) -> tuple[Any, ...]:
        at, start = names.index(build.release.version), last if here is None else here
        return (abs(at - start), at < start, *_distance(build, question))

    return {
        Prefer.newest: newest,
        Prefer.oldest_cuda: oldest_cuda,
        Prefer.smallest_change: smallest_change,
    }[prefer]


def native(build: TorchBuild, question: Question) -> bool:
    """Whether every target has machine code in it."""
    return all(s is Service.native for s in services(build, question).values())


def _fresh(build: TorchBuild, question: Question) -> tuple[bool, int]:
    """What a plain install brings first, then the newest CUDA."""
    usual = build.release.default.get(question.platform) == build.name
    return not usual, -_step(_platform(build))


def _distance(build: TorchBuild, question: Question) -> tuple[Any, ...]:
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


def _now(build: TorchBuild, question: Question) -> str | None:
    now, variant = question.now, build.variant
    if variant is None:
        return None
    if variant.rocm:
        return now.rocm
    return now.cuda or now.toolkit


def _limited(build: TorchBuild) -> bool:
    return bool(build.variant and build.variant.limited)


def _beyond(build: TorchBuild, question: Question) -> bool:
    """Whether its CUDA is newer than the one that the driver was made for."""
    cuda = build.variant.cuda if build.variant else None
    return bool(cuda and question.driver and not at_least(question.driver.cuda, cuda))


def _platform(build: TorchBuild) -> str:
    variant = build.variant
    return (variant.cuda or variant.rocm or "") if variant else ""


def _step(version: str) -> int:
    first, second, *_ = (*numbers(version), 0, 0)
    return first * 100 + second


_MISSES = 3


class Miss(Frozen):
    """A build that does not serve, with all that is in its way."""

    build: TorchBuild
    obstacles: tuple[Obstacle, ...]


class RankedBuilds(Frozen):
    """`fitting` is best first. `misses` are the nearest others, one for each set of obstacles."""

    question: Question
    fitting: tuple[TorchBuild, ...]
    misses: tuple[Miss, ...]


def answer(question: Question, prefer: Prefer) -> RankedBuilds:
    """Weigh every listed build of the targets' vendor on the platform."""
    order = key(question, prefer)
    fitting: list[TorchBuild] = []
    rest: list[Miss] = []
    offered = builds(question.platform, question.vendor, question.channel)
    for build in sorted(offered, key=order):
        against = tuple(obstacles(build, question))
        if against:
            rest.append(Miss(build, against))
        else:
            fitting.append(build)
    return RankedBuilds(question, tuple(fitting), _nearest(rest))


def _nearest(rest: list[Miss]) -> tuple[Miss, ...]:
    """Those with the fewest obstacles, the easiest first; of those alike in kind one is enough."""
    alike: dict[tuple[Kind, ...], Miss] = {}
    for miss in sorted(rest, key=lambda m: len(m.obstacles)):
        alike.setdefault(tuple(sorted({o.kind for o in miss.obstacles})), miss)
    kinds = sorted(alike, key=lambda k: (len(k), sum(k)))
    return tuple(alike[k] for k in kinds[:_MISSES] if len(k) == len(kinds[0]))


def choose(
    view: View,
    targets: list[Target],
    rocm: str | None = None,
    extensions: tuple[Extension, ...] = (),
) -> TorchBuild | None:
    """The nearest build that serves every target of the first one's vendor; None = none listed.

    The installed release first, else the nearest one, newer before older. `rocm`: of this ROCm
    minor version only. `extensions` must load with it.
    """
    question = of_view(view, targets, rocm, extensions)
    if question is None:
        return None
    fitting = answer(question, Prefer.smallest_change).fitting
    return fitting[0] if fitting else None

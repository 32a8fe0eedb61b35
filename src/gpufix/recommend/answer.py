"""Every build weighed: those that serve, ranked, and the nearest of those that do not."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.recommend.build import Build, builds
from gpufix.recommend.obstacles import Kind, Obstacle, obstacles
from gpufix.recommend.question import Question
from gpufix.recommend.rank import Prefer, key

_MISSES = 3


@dataclass(frozen=True)
class Miss:
    """A build that does not serve, with all that is in its way."""

    build: Build
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True)
class Answer:
    """`fitting` is best first. `misses` are the nearest others, one for each set of obstacles."""

    question: Question
    fitting: tuple[Build, ...]
    misses: tuple[Miss, ...]


def answer(question: Question, prefer: Prefer) -> Answer:
    """Weigh every listed build of the targets' vendor on the platform."""
    order = key(question, prefer)
    fitting: list[Build] = []
    rest: list[Miss] = []
    for build in sorted(builds(question.platform, question.vendor), key=order):
        against = tuple(obstacles(build, question))
        if against:
            rest.append(Miss(build, against))
        else:
            fitting.append(build)
    return Answer(question, tuple(fitting), _nearest(rest))


def _nearest(rest: list[Miss]) -> tuple[Miss, ...]:
    """Those with the fewest obstacles, the easiest first; of those alike in kind one is enough."""
    alike: dict[tuple[Kind, ...], Miss] = {}
    for miss in rest:
        alike.setdefault(tuple(sorted({o.kind for o in miss.obstacles})), miss)
    kinds = sorted(alike, key=lambda k: (len(k), sum(k)))
    return tuple(alike[k] for k in kinds[:_MISSES] if len(k) == len(kinds[0]))

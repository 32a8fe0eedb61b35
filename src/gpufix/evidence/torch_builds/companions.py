"""What goes along with a torch build: published wheels of the packages that are made for it."""

from __future__ import annotations

from packaging.version import Version

from gpufix.evidence.gpu_code import outgrown
from gpufix.evidence.published import best
from gpufix.evidence.torch_builds.candidates import TorchBuild
from gpufix.evidence.torch_builds.question import Question, of_view
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import conda, listings, packages
from gpufix.knowledge.listings import Offer
from gpufix.knowledge.wheel_blocks import Build


def companion(name: str, build: TorchBuild, question: Question) -> Offer | str:
    """The wheel that goes with a build, or why there is none."""
    release = build.release.version
    if build.channel == conda.CHANNEL:
        row = packages.for_torch(release).get(name)
        if row is None or row.find_links or not row.exact:
            return f"which {name} goes with torch {release} is not known here"
        version = max(row.exact, key=Version)
        if against := outgrown(name, version, question.targets):
            return against
        return Offer(name, version, f"{name}=={version}", None, None, "", row.source)
    there = Build(release, build.name, question.python, question.platform)
    return best(name, there, targets=question.targets)


def made_for_torch() -> frozenset[str]:
    """Every package of which the tables know wheels for one torch alone."""
    return packages.names() | frozenset(listings.by_file())


class Moved(Frozen):
    """What moves with torch: `along` from torch's own index in one go, `later` from elsewhere.

    `unknown`: name → why no wheel is known.
    """

    along: tuple[str, ...]
    later: tuple[Offer, ...]
    unknown: dict[str, str]


def moved_along(view: View, build: TorchBuild) -> Moved:
    """For the installed companions."""
    question = of_view(view, [])
    if question is None:
        return Moved((), (), {})
    installed = [dist for name in sorted(made_for_torch()) if (dist := view.dist(name))]
    found = {
        dist.name: f"{dist.name} is an editable install of {dist.editable}"
        if dist.editable
        else companion(dist.name, build, question)
        for dist in installed
    }
    unknown = {name: why for name, why in found.items() if isinstance(why, str)}
    return split(build, [o for o in found.values() if isinstance(o, Offer)], unknown)


def split(build: TorchBuild, offers: list[Offer], unknown: dict[str, str]) -> Moved:
    """By where they come from."""
    ours = [o for o in offers if o.index == build.name or build.channel == conda.CHANNEL]
    rest = [o for o in offers if o not in ours]
    return Moved(tuple(o.requirement for o in ours), tuple(rest), unknown)

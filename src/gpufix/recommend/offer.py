"""An answer made ready to show: each build with reasons, consequences and commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.version import Version

from gpufix.evidence.building import major
from gpufix.evidence.gpu_code import Service
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.torch_builds.candidates import TorchBuild, cuda_major
from gpufix.evidence.torch_builds.companions import companion, made_for_torch, moved_along, split
from gpufix.evidence.torch_builds.drives import driver_need
from gpufix.evidence.torch_builds.obstacles import services
from gpufix.evidence.torch_builds.question import Question, of_view
from gpufix.evidence.torch_builds.rank import Prefer, RankedBuilds, answer
from gpufix.evidence.torch_symbols import TorchUser, torch_users
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import listings, packages
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.gpus import models
from gpufix.model import Target
from gpufix.recommend.install_commands import Commands, commands, known_companions
from gpufix.text.names import normalise

# Rows of the release table that were not read off the binaries or the build scripts.
_UNSURE = "medium"


def reasons(build: TorchBuild, question: Question) -> Iterator[str]:
    """Short sentences, the most telling first."""
    if is_installed(build, question):
        yield "it is what is installed"
    elif question.now.release == build.release.version:
        yield "the release that is installed, built for another platform"
    served = services(build, question)
    native = [arch for arch, how in served.items() if how is Service.native]
    jit = [arch for arch, how in served.items() if how is Service.jit]
    if native:
        yield f"machine code that runs on {', '.join(native)}"
    if jit:
        yield f"PTX only for {', '.join(jit)}: compiled at the first start, slow once"
    yield from _driver(build, question)
    for name in question.along:
        if listings.source_alone(name):
            yield f"{name} is published as source only, to be built beside it"
    if build.variant and build.variant.limited and build.variant.note:
        yield build.variant.note
    if build.variant and build.variant.confidence == _UNSURE:
        yield "its architectures were read from build scripts, not off the wheel"


def is_installed(build: TorchBuild, question: Question) -> bool:
    """Whether it is the build that is there now."""
    now = question.now
    return (now.release, now.variant or "cpu") == (build.release.version, build.name)


def _driver(build: TorchBuild, question: Question) -> Iterator[str]:
    variant, driver = build.variant, question.driver
    if variant is None or variant.cuda is None:
        return
    if driver is None or not driver.drives:
        if wanted := str(driver_need(question, variant.driver_min)):
            yield f"needs NVIDIA {wanted}"
    elif at_least(driver.cuda, variant.cuda):
        yield f"the driver serves CUDA {variant.cuda}"
    else:
        yield f"the driver is of CUDA {driver.cuda}: CUDA {variant.cuda} runs on it by minor-version compatibility, except PTX"


def breaks(view: View, build: TorchBuild) -> list[str]:
    """One sentence each; empty when the build is what is installed, or nothing depends on it."""
    torch = view.facts.torch
    if torch is None or f"{torch.release}+{torch.variant}" == build.version:
        return []
    return [*_companions(view, build), *_extensions(view, build), *_pins(view, build)]


def _companions(view: View, build: TorchBuild) -> Iterator[str]:
    question = of_view(view, [])
    for name in sorted(made_for_torch()):
        dist = view.dist(name)
        if dist is None or question is None:
            continue
        found = companion(name, build, question)
        if isinstance(found, str):
            yield f"{name} {dist.version}: {found}"
        elif found.requirement != f"{name}=={dist.version}":
            yield f"{name} {dist.version} moves to {_told(found)}"


def _told(offer: listings.Offer) -> str:
    return offer.requirement.partition("==")[2] or offer.version or "what lies on its page"


def _extensions(view: View, build: TorchBuild) -> Iterator[str]:
    for user in view.derive(torch_users):
        if user.owner not in made_for_torch() and (why := _rebuilt(user, build)):
            yield f"{user.label} must be built again: {why}"


def _rebuilt(user: TorchUser, build: TorchBuild) -> str | None:
    wanted = {m for library in user.libraries if (m := cuda_major(library.needed))}
    cuda = build.variant.cuda if build.variant else None
    if wanted and (cuda is None or wanted != {major(cuda)}):
        return f"it needs the runtime of CUDA {', '.join(sorted(wanted))}"
    if user.judgement is None:
        return None
    if build.release.version not in user.judgement.releases:
        known = user.judgement.minors
        return (
            f"it loads with torch {known[0]} – {known[-1]}"
            if known
            else "no known torch has its symbols"
        )
    return None


def _pins(view: View, build: TorchBuild) -> Iterator[str]:
    version = Version(build.version)
    moved = packages.names()
    for dist, requirement in view.derive(Requirements.of).rows:
        if normalise(requirement.name) != "torch" or dist.name in moved:
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{dist.name} {dist.version} requires torch{requirement.specifier}"


class Offer(Frozen):
    """One build. `served`: target → "native" or "jit"."""

    build: TorchBuild
    served: dict[str, str]
    installed: bool
    reasons: tuple[str, ...]
    breaks: tuple[str, ...]
    companions: tuple[str, ...]
    commands: Commands


def offers(
    answer: RankedBuilds, view: View | None, along: Sequence[str] = (), limit: int | None = None
) -> list[Offer]:
    """The best `limit` builds. `view`: the patient, when there is one; `along`: companions wanted."""
    return [_offer(build, answer, view, along) for build in answer.fitting[:limit]]


def _offer(
    build: TorchBuild, answer: RankedBuilds, view: View | None, along: Sequence[str]
) -> Offer:
    question = answer.question
    moved = moved_along(view, build) if view else split(build, [], {})
    asked = [companion(name, build, question) for name in along]
    named = split(build, [o for o in asked if isinstance(o, listings.Offer)], {})
    wanted = dict.fromkeys((*moved.along, *named.along))
    later = dict.fromkeys((*moved.later, *named.later))
    return Offer(
        build=build,
        served={arch: how.value for arch, how in services(build, question).items()},
        installed=is_installed(build, question),
        reasons=tuple(reasons(build, question)),
        breaks=tuple(breaks(view, build)) if view else (),
        companions=tuple(known_companions(build, question)),
        commands=commands(build, tuple(wanted), view, question.platform, tuple(later)),
    )


class Pose(Frozen):
    """With HSA_OVERRIDE_GFX_VERSION=`value` the GPU runs the code of `relative`; AMD does not
    support it. `version` is the best build for that relative. `risk`: "low", "high", "unverified".
    """

    gfx: str
    relative: str
    value: str
    risk: str
    text: str
    version: str


def pose(found: RankedBuilds, prefer: Prefer) -> Pose | None:
    """For a single AMD target that nothing serves and for which an override value is known."""
    question = found.question
    if found.fitting or len(question.targets) != 1 or question.vendor != "amd":
        return None
    known = models.hsa_override(question.targets[0].arch)
    if known is None:
        return None
    relative = Target(vendor="amd", arch=known.poses_as, source=known.gfx)
    other = answer(replace(question, targets=(relative,)), prefer)
    if not other.fitting:
        return None
    version = other.fitting[0].version
    return Pose(known.gfx, known.poses_as, known.value, known.risk, known.text, version)

"""The commands that install a build, for pip, uv and conda."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence import conda
from gpufix.evidence.torch_builds.candidates import TorchBuild
from gpufix.evidence.torch_builds.companions import companion, made_for_torch
from gpufix.evidence.torch_builds.question import Question
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.conda import CHANNEL, pytorch
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.listings import Offer
from gpufix.knowledge.packages import index_url
from gpufix.text.shell import join


class Commands(Frozen):
    """None: the build is not offered there."""

    pip: str | None
    uv: str | None
    conda: str | None


def commands(
    build: TorchBuild,
    along: Sequence[str] = (),
    view: View | None = None,
    platform: str = "",
    later: Sequence[Offer] = (),
) -> Commands:
    """`along`: exact requirements that move with it, `later` wheels that lie elsewhere.

    `view`: the patient, if there is one.
    """
    if build.channel == CHANNEL:
        return Commands(None, None, _conda(build, view))
    found = view.facts.python if view else None
    python = found.executable if found else None
    wanted = [build.requirement, *along]
    index = ["--index-url", index_url(build.name)]
    pip = [python or "python", "-m", "pip", "install"]
    uv = ["uv", "pip", "install", *(["--python", python] if python else [])]
    rows = [[*wanted, *index], *(_from_elsewhere(offer, view) for offer in later)]
    twin = conda_forge_twin(build, platform)
    return Commands(
        " && ".join(join([*pip, *row]) for row in rows),
        " && ".join(join([*uv, *row]) for row in rows),
        _conda(twin, view) if twin and not later else None,
    )


def _from_elsewhere(offer: Offer, view: View | None) -> list[str]:
    """What is here of the same version, for another torch, is no reason to keep it."""
    again = ["--force-reinstall", "--no-deps"] if view and view.dist(offer.name) else []
    place = ["--index-url", index_url(offer.index)] if offer.index else []
    return [
        *again,
        offer.requirement,
        *place,
        *(["--find-links", offer.page] if offer.page else []),
    ]


def conda_forge_twin(build: TorchBuild, platform: str) -> TorchBuild | None:
    """conda-forge's build of the same release: for the same CUDA, else the nearest of its major."""
    offered = pytorch(build.release.version, platform)
    if offered is None or (build.variant and not build.variant.cuda):
        return None
    if build.variant is None:
        return TorchBuild(build.release, None, CHANNEL)
    wanted = numbers(build.variant.cuda or "")
    same = [v for v in offered.variants.values() if numbers(v.cuda or "")[:1] == wanted[:1]]
    nearest = min(same, key=lambda v: abs(numbers(v.cuda or "")[1] - wanted[1]), default=None)
    return TorchBuild(build.release, nearest, CHANNEL) if nearest else None


def _conda(build: TorchBuild, view: View | None) -> str:
    if view is not None and view.facts.conda:
        cuda = build.variant.cuda if build.variant else None
        command = conda.add(view.facts, [build.requirement], CHANNEL)
        return conda.override(view.facts, cuda) + command
    return join(["conda", "install", "--channel", CHANNEL, build.requirement])


def known_companions(build: TorchBuild, question: Question) -> list[str]:
    """ "torchvision 0.24.0", the newest with a wheel for it and this Python, by name."""
    found = {name: companion(name, build, question) for name in sorted(made_for_torch())}
    return [
        f"{name} {offer.version or ''}".strip()
        for name, offer in found.items()
        if isinstance(offer, Offer)
    ]

"""The commands that install a build, for pip, uv and conda."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence import conda
from gpufix.evidence.building import major
from gpufix.evidence.torch_builds.candidates import TorchBuild
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import packages
from gpufix.knowledge.conda import CHANNEL, pytorch
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.packages import index_url
from gpufix.text.shell import join


class Commands(Frozen):
    """None: the build is not offered there."""

    pip: str | None
    uv: str | None
    conda: str | None


def commands(
    build: TorchBuild, along: Sequence[str] = (), view: View | None = None, platform: str = ""
) -> Commands:
    """`along`: exact requirements that move with it. `view`: the patient, if there is one."""
    if build.channel == CHANNEL:
        return Commands(None, None, _conda(build, view))
    found = view.facts.python if view else None
    python = found.executable if found else None
    wanted = [build.requirement, *along]
    index = ["--index-url", index_url(build.name)]
    pip = [python or "python", "-m", "pip", "install", *wanted, *index]
    uv = ["uv", "pip", "install", *(["--python", python] if python else []), *wanted, *index]
    twin = conda_forge_twin(build, platform)
    return Commands(join(pip), join(uv), _conda(twin, view) if twin else None)


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


def known_companions(build: TorchBuild) -> list[str]:
    """ "torchvision 0.24.0", newest known version of each, by name."""
    found = []
    for name, row in sorted(packages.for_torch(build.release.version).items()):
        versions = packages.fitting(name, build.release.version)
        if not versions or (row.variants is not None and build.name not in row.variants):
            continue
        found.append(f"{name} {versions[-1]}")
    cuda = build.variant.cuda if build.variant else None
    wheels = packages.prebuilt(build.release.version, major(cuda) if cuda else None)
    return found + [f"{name} {version}" for name, version in wheels.items()]

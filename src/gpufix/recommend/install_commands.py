"""The commands that install a build, for pip, uv and conda."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence.building import major
from gpufix.evidence.torch_builds.candidates import TorchBuild
from gpufix.frozen import Frozen
from gpufix.knowledge import packages
from gpufix.knowledge.data_table import minor, numbers
from gpufix.knowledge.packages import index_url
from gpufix.text.shell import join

# The pytorch channel: https://pytorch.org/get-started/previous-versions/ ; it ended with 2.5
# (https://github.com/pytorch/pytorch/issues/138506). Minor release → its CUDA versions.
_CHANNEL = {
    "1.13": ("11.6", "11.7"),
    "2.0": ("11.7", "11.8"),
    "2.1": ("11.8", "12.1"),
    "2.2": ("11.8", "12.1"),
    "2.3": ("11.8", "12.1"),
    "2.4": ("11.8", "12.1", "12.4"),
    "2.5": ("11.8", "12.1", "12.4"),
}


class Commands(Frozen):
    """`conda` None: the pytorch channel has no such build."""

    pip: str
    uv: str
    conda: str | None


def commands(build: TorchBuild, along: Sequence[str] = (), python: str | None = None) -> Commands:
    """`along`: exact requirements that move with it. `python`: the patient's interpreter."""
    wanted = [build.requirement, *along]
    index = ["--index-url", index_url(build.name)]
    pip = [python or "python", "-m", "pip", "install", *wanted, *index]
    uv = ["uv", "pip", "install", *(["--python", python] if python else []), *wanted, *index]
    return Commands(join(pip), join(uv), _conda(build))


def _conda(build: TorchBuild) -> str | None:
    offered = _CHANNEL.get(minor(build.release.version))
    if offered is None:
        return None
    package = f"pytorch=={build.release.version}"
    if build.variant is None:
        return join(["conda", "install", package, "cpuonly", "-c", "pytorch"])
    if build.variant.cuda not in offered:
        return None
    cuda = f"pytorch-cuda={build.variant.cuda}"
    return join(["conda", "install", package, cuda, "-c", "pytorch", "-c", "nvidia"])


def known_companions(build: TorchBuild) -> list[str]:
    """ "torchvision 0.24.0", newest known version of each, by name."""
    found = []
    for name, row in sorted(packages.for_torch(build.release.version).items()):
        if not row.exact or (row.variants is not None and build.name not in row.variants):
            continue
        found.append(f"{name} {max(row.exact, key=numbers)}")
    cuda = build.variant.cuda if build.variant else None
    wheels = packages.prebuilt(build.release.version, major(cuda) if cuda else None)
    return found + [f"{name} {version}" for name, version in wheels.items()]

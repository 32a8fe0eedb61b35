"""What a patient would have to do again after moving to a build."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from gpufix.checks.building import major
from gpufix.checks.torch_symbols import TorchUser, torch_users
from gpufix.fixes.torch_choice import companion
from gpufix.knowledge import companions
from gpufix.names import normalise
from gpufix.recommend.build import Build
from gpufix.recommend.extension import cuda_major
from gpufix.requirements import Requirements
from gpufix.view import View


def breaks(view: View, build: Build) -> list[str]:
    """One sentence each; empty when the build is what is installed, or nothing depends on it."""
    torch = view.facts.torch
    if torch is None or f"{torch.release}+{torch.variant}" == build.version:
        return []
    return [*_companions(view, build), *_extensions(view, build), *_pins(view, build)]


def _companions(view: View, build: Build) -> Iterator[str]:
    for name in sorted(companions.names()):
        dist = view.dist(name)
        if dist is None:
            continue
        found = companion(name, build)
        if found is None:
            yield f"{name} {dist.version}: no version is known to go with torch {build.release.version}"
        elif found != f"{name}=={dist.version}":
            yield f"{name} {dist.version} moves to {found.partition('==')[2]}"


def _extensions(view: View, build: Build) -> Iterator[str]:
    for user in view.derive(torch_users):
        if user.owner not in companions.names() and (why := _rebuilt(user, build)):
            yield f"{user.label} must be built again: {why}"


def _rebuilt(user: TorchUser, build: Build) -> str | None:
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


def _pins(view: View, build: Build) -> Iterator[str]:
    version = Version(build.version)
    moved = companions.names()
    for dist, requirement in view.derive(Requirements.of).rows:
        if normalise(requirement.name) != "torch" or dist.name in moved:
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{dist.name} {dist.version} requires torch{requirement.specifier}"

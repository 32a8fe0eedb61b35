"""Which builds of a torch release were published, and where a variant begins and ends."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet

from gpufix.evidence.torch_builds.question import Question
from gpufix.knowledge import torch_releases
from gpufix.knowledge.torch_releases import Release

_TOLD = 3


def variants(release: Release, platform: str) -> list[str]:
    """Names, the CPU's last. Those whose existence is disputed are left out."""
    known = release.variants(platform).values()
    return [v.name for v in known if v.known or not v.limited] + ["cpu"]


def disputed(release: Release, platform: str, variant: str) -> bool:
    """Whether it is not known if a variant was published."""
    row = release.variants(platform).get(variant)
    return row is not None and row.limited and not row.known


def sentences(question: Question) -> Iterator[str]:
    """What there is of the releases that are asked for; nothing where many or all are."""
    if question.allowed is None:
        return
    known = [r for r in torch_releases.all() if _allowed(question.allowed, r)]
    if not known:
        yield f"torch {question.allowed} is none of the releases known here"
    if len(known) > _TOLD:
        return
    for release in known:
        yield exists(release, question.platform, question.variant)


def exists(release: Release, platform: str, variant: str | None = None) -> str:
    """ "torch 2.8.0 exists for cu126, cu128, cu129, cpu; cu118 ends at 2.7.1"."""
    have = variants(release, platform)
    text = f"torch {release.version} exists for {', '.join(have)}"
    if not variant or variant in have or disputed(release, platform, variant):
        return text
    return f"{text}; {bounds(variant, platform, release.version)}"


def bounds(variant: str, platform: str, at: str) -> str:
    """Where a variant ends, or begins, seen from a release that lacks it."""
    every = [r.version for r in torch_releases.all() if variant in variants(r, platform)]
    order = torch_releases.versions()
    if not every:
        return f"no release has {variant}"
    before = [version for version in every if order.index(version) < order.index(at)]
    after = every[len(before) :]
    if before and after:
        return f"{variant} exists for {before[-1]} and {after[0]}"
    return f"{variant} ends at {before[-1]}" if before else f"{variant} begins with {after[0]}"


def _allowed(allowed: SpecifierSet, release: Release) -> bool:
    return allowed.contains(release.version, prereleases=True)

"""The torch builds that there are, their GPU code, and what a compiled extension asks of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from gpufix.evidence.gpu_code import SubjectCode, code_of
from gpufix.frozen import Frozen
from gpufix.knowledge import conda, torch_releases
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.torch_releases import Release, Variant

if TYPE_CHECKING:
    from gpufix.evidence.inspected import Inspection

Channel = Literal["pytorch.org", "conda-forge"]
# Wheels of 2.6 and later are manylinux_2_28.
_GLIBC = (("2.6.0", "2.28"), ("1.13.0", "2.17"))


class TorchBuild(Frozen):
    """One release for one CUDA or ROCm, or for the CPU alone (`variant` None), and who offers it."""

    release: Release
    variant: Variant | None
    channel: Channel = "pytorch.org"

    @property
    def name(self) -> str:
        """The name of its index and local version: "cu128", "rocm6.4", "cpu"."""
        return self.variant.name if self.variant else "cpu"

    @property
    def version(self) -> str:
        """ "2.9.0+cu128"."""
        return f"{self.release.version}+{self.name}"

    @property
    def requirement(self) -> str:
        """ "torch==2.9.0+cu128"; conda's is a MatchSpec, "pytorch=2.9.0=cuda129*".

        CPU wheels carry their local version on some platforms alone.
        """
        if self.channel == conda.CHANNEL:
            build = f"cuda{self.name.removeprefix('cu')}" if self.variant else "cpu"
            return f"pytorch={self.release.version}={build}*"
        return f"torch=={self.version if self.variant else self.release.version}"

    @property
    def label(self) -> str:
        """ "torch 2.9.0 for CUDA 12.8"."""
        if self.variant is None:
            return f"torch {self.release.version} for the CPU"
        kind = "CUDA" if self.variant.cuda else "ROCm"
        return f"torch {self.release.version} for {kind} {self.variant.cuda or self.variant.rocm}"

    def pythons(self, platform: str) -> tuple[str, ...]:
        """The tags that it was built for."""
        if self.channel == conda.CHANNEL:
            found = conda.pytorch(self.release.version, platform)
            return found.pythons if found else ()
        return self.release.python_tags.get(platform, ())

    @property
    def glibc(self) -> str | None:
        """The oldest that it runs on; conda-forge's CUDA 13 is the first to ask for 2.28."""
        if self.channel == conda.CHANNEL:
            cuda = self.variant.cuda if self.variant else None
            return "2.28" if cuda and at_least(cuda, "13") else "2.17"
        return next((g for since, g in _GLIBC if at_least(self.release.version, since)), None)

    @cached_property
    def code(self) -> SubjectCode | None:
        """Its GPU code by the release table; None for a CPU build, or where it is a guess."""
        variant = self.variant
        if variant is None or not variant.known:
            return None
        return code_of(self.release.version, variant)


def builds(
    platform: str, vendor: str | None, channel: Channel = "pytorch.org"
) -> Iterator[TorchBuild]:
    """Every build for a platform that runs on a vendor's GPUs (None: the CPU builds)."""
    for release in torch_releases.all():
        if vendor is None:
            build = TorchBuild(release, None, channel)
            yield from (build for _ in build.pythons(platform)[:1])
        else:
            variants = _variants(release, platform, channel)
            yield from (TorchBuild(release, v, channel) for v in variants if v.vendor == vendor)


def _variants(release: Release, platform: str, channel: Channel) -> Iterable[Variant]:
    if channel == conda.CHANNEL:
        found = conda.pytorch(release.version, platform)
        return found.variants.values() if found else ()
    return release.variants(platform).values()


_CUDART = re.compile(r"libcudart\.so\.(\d+)")


class Extension(Frozen):
    """`releases` None: its symbols do not say (no torch names, or not x86-64).

    `cuda`: the major whose runtime library it needs. `pythons`: tags it is built for, () = any.
    """

    name: str
    releases: tuple[str, ...] | None = None
    cxx11_abi: int | None = None
    cuda: str | None = None
    pythons: tuple[str, ...] = ()
    newer: bool = False  # asks for names that no known release has yet


def of_inspection(found: Inspection) -> Extension:
    """From a file, a wheel or an installed distribution that was read."""
    need = found.torch
    needed = [name for file in found.files for name in file.needed]
    modules = [f for f in found.files if f.python_tag]
    return Extension(
        name=f"{found.name} {found.version}" if found.name else found.subject.rpartition("/")[2],
        releases=tuple(need.releases) if need else None,
        cxx11_abi=found.cxx11_abi,
        cuda=cuda_major(needed),
        pythons=tuple(sorted({f.python_tag for f in modules if f.python_tag})),
        newer=bool(need and need.newer),
    )


def cuda_major(needed: Iterable[str]) -> str | None:
    """The CUDA major of the runtime among NEEDED libraries; None = none, or several."""
    majors = {m[1] for name in needed if (m := _CUDART.match(name))}
    return majors.pop() if len(majors) == 1 else None

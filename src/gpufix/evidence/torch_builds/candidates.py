"""The torch builds that there are, their GPU code, and what a compiled extension asks of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from gpufix.evidence.gpu_code import SubjectCode, code_of
from gpufix.frozen import Frozen
from gpufix.knowledge import torch_releases
from gpufix.knowledge.torch_releases import Release, Variant

if TYPE_CHECKING:
    from gpufix.evidence.inspected import Inspection


class TorchBuild(Frozen):
    """One release for one CUDA or ROCm, or for the CPU alone (`variant` None)."""

    release: Release
    variant: Variant | None

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
        """ "torch==2.9.0+cu128". CPU wheels carry their local version on some platforms alone."""
        return f"torch=={self.version if self.variant else self.release.version}"

    @property
    def label(self) -> str:
        """ "torch 2.9.0 for CUDA 12.8"."""
        if self.variant is None:
            return f"torch {self.release.version} for the CPU"
        kind = "CUDA" if self.variant.cuda else "ROCm"
        return f"torch {self.release.version} for {kind} {self.variant.cuda or self.variant.rocm}"

    @cached_property
    def code(self) -> SubjectCode | None:
        """Its GPU code by the release table; None for a CPU build, or where it is a guess."""
        variant = self.variant
        if variant is None or not variant.known:
            return None
        return code_of(self.release.version, variant)


def builds(platform: str, vendor: str | None) -> Iterator[TorchBuild]:
    """Every build for a platform that runs on a vendor's GPUs (None: the CPU builds)."""
    for release in torch_releases.all():
        if vendor is None:
            yield from (
                TorchBuild(release, None) for _ in release.python_tags.get(platform, ())[:1]
            )
        else:
            variants = release.variants(platform).values()
            yield from (TorchBuild(release, v) for v in variants if v.vendor == vendor)


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

"""The torch builds that there are, and the GPU code in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gpufix.checks.gpu_code import Code, code_of
from gpufix.knowledge import torch_releases
from gpufix.knowledge.torch_releases import Release, Variant


@dataclass(frozen=True)
class Build:
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
    def code(self) -> Code | None:
        """Its GPU code by the release table; None for a CPU build, or where it is a guess."""
        variant = self.variant
        if variant is None or not variant.known:
            return None
        return code_of(self.release.version, variant)


def builds(platform: str, vendor: str | None) -> Iterator[Build]:
    """Every build for a platform that runs on a vendor's GPUs (None: the CPU builds)."""
    for release in torch_releases.all():
        if vendor is None:
            yield from (Build(release, None) for _ in release.python_tags.get(platform, ())[:1])
        else:
            variants = release.variants(platform).values()
            yield from (Build(release, v) for v in variants if v.vendor == vendor)

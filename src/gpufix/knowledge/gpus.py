"""GPU names and architectures of NVIDIA and AMD."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from gpufix.knowledge.compat import GENERIC_MEMBERS
from gpufix.knowledge.gpu_errors import AmbiguousGpu, GpuNameError, UnknownGpu
from gpufix.knowledge.gpu_names import arch_by_words, candidates, close_names
from gpufix.knowledge.gpu_spelling import arch_of_spelling, is_known
from gpufix.knowledge.table import source, table
from gpufix.knowledge.versions import numbers
from gpufix.model import Target

__all__ = [
    "AmbiguousGpu",
    "GpuNameError",
    "Override",
    "UnknownGpu",
    "arch_of_name",
    "generic_of",
    "hsa_override",
    "is_known",
    "products",
    "resolve",
    "rocm_support",
    "wave_size",
]

Tier = Literal["supported", "deprecated", "unsupported"]


@dataclass(frozen=True, slots=True)
class Override:
    """An HSA_OVERRIDE_GFX_VERSION value for a gfx. `risk`: "low", "high" or "unverified"."""

    gfx: str
    value: str
    risk: str
    text: str
    source: str

    @property
    def poses_as(self) -> str:
        """The gfx whose code is then run: "10.3.0" -> "gfx1030"."""
        major, minor, step = self.value.split(".")
        return f"gfx{major}{minor}{step}"


def resolve(text: str, source: str | None = None) -> Target:
    """The target that a user named: an architecture in any usual spelling, or a product.

    Raises UnknownGpu (with close misses) or AmbiguousGpu (with the choices).
    """
    text = " ".join(text.split())[:100]
    arch = arch_of_spelling(text)
    name = None
    if arch is None:
        name, arch = _by_product(text)
    vendor: Literal["nvidia", "amd"] = "amd" if arch.startswith("gfx") else "nvidia"
    return Target(vendor=vendor, arch=arch, name=name, source=source or f"--gpu {text}")


def arch_of_name(name: str) -> str | None:
    """The architecture of a device name as a driver prints it, None when not known."""
    found = candidates(name)
    exact = {arch for product, arch in found if product.lower() == name.lower()}
    archs = exact or {arch for _, arch in found}
    return archs.pop() if len(archs) == 1 else arch_by_words(name)


def wave_size(gfx: str) -> int | None:
    """Lanes of a wavefront as HIP sees it: 64 on GCN and CDNA, 32 on RDNA."""
    row = table("gpus")["amd"].get(_base(gfx))
    return int(row[1]) if row else None


def products(gfx: str) -> tuple[str, ...]:
    """Products with this gfx, empty when it is not known."""
    row = table("gpus")["amd"].get(_base(gfx))
    return tuple(row[0]) if row else ()


def generic_of(gfx: str) -> str | None:
    """The generic target whose code it also runs (code object v6): gfx1101 -> gfx11-generic."""
    return next((name for name, gfxs in GENERIC_MEMBERS.items() if _base(gfx) in gfxs), None)


def hsa_override(gfx: str) -> Override | None:
    """The override value that is in use for a gfx, with its risk; None = none known."""
    row = table("gpus")["overrides"].get(_base(gfx))
    return Override(_base(gfx), row[0], row[1], row[2], source("gpus", row[3])) if row else None


def rocm_support(gfx: str, rocm: str) -> Tier | None:
    """AMD's own tier in the newest listed ROCm that is not after `rocm`; None = not listed."""
    rows = table("gpus")["rocm"]
    older = [v for v in rows if numbers(v) <= numbers(rocm)]
    if not older:
        return None
    tiers: dict[str, Tier] = rows[max(older, key=numbers)][0]
    return tiers.get(_base(gfx))


@cache
def _by_product(text: str) -> tuple[str, str]:
    listed = table("gpus")["ambiguous"].get(text.lower())
    found = [(n, arch_of_name(n) or "?") for n in listed] if listed else candidates(text)
    archs = {arch for _, arch in found}
    if len(archs) == 1:
        return min((n for n, _ in found), key=len), archs.pop()
    if found:
        raise AmbiguousGpu(text, sorted(found, key=lambda pair: (len(pair[0]), pair[0])))
    if arch := arch_by_words(text):
        return text, arch
    raise UnknownGpu(text, close_names(text))


def _base(gfx: str) -> str:
    return re.split(r"[:]", gfx)[0]

"""Which torch build fits the targets, the driver, the Python and the platform: smallest change."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.checks.building import major, same_major, toolkit_in_use
from gpufix.checks.gpu_code import Code, Service, service
from gpufix.knowledge import companions, cuda_toolkits, torch_releases
from gpufix.knowledge.torch_releases import Release, Variant
from gpufix.knowledge.versions import at_least, minor, numbers
from gpufix.model import CodeObject, Target
from gpufix.view import View

# Wheels of 2.6 and later are manylinux_2_28.
_GLIBC = (("2.6.0", "2.28"), ("1.13.0", "2.17"))


@dataclass(frozen=True)
class Choice:
    """A build to install, and how the targets are served by it."""

    release: Release
    variant: Variant
    native: bool

    @property
    def requirement(self) -> str:
        """ "torch==2.9.0+cu128"."""
        return f"torch=={self.release.version}+{self.variant.name}"


def choose(view: View, targets: list[Target], rocm: str | None = None) -> Choice | None:
    """The nearest build that serves every target of the first one's vendor; None = none listed.

    The installed release first, else the nearest one, newer before older. `rocm`: of this ROCm
    minor version only.
    """
    for release in _nearest(view):
        fitting = [c for c in _builds(view, release, targets) if _of_rocm(c, rocm)]
        if fitting:
            return min(fitting, key=lambda c: _distance(view, c))
    return None


def _of_rocm(choice: Choice, rocm: str | None) -> bool:
    return rocm is None or minor(choice.variant.rocm or "") == rocm


def _nearest(view: View) -> list[Release]:
    """Releases with a wheel for this Python and C library, by distance from the installed one."""
    python, host, torch = view.facts.python, view.facts.host, view.facts.torch
    if python is None or host.libc == "musl":
        return []
    platform = torch_releases.platform(host.os, host.machine)
    every = torch_releases.all()
    names = [r.version for r in every]
    current = torch.release if torch and torch.release in names else names[-1]
    here = names.index(current)
    ranked = sorted(range(len(every)), key=lambda i: (abs(i - here), i < here))
    releases = [every[i] for i in ranked]
    return [r for r in releases if r.has_python(python.tag, platform) and _loads(view, r)]


def _loads(view: View, release: Release) -> bool:
    libc = view.facts.host.libc_version
    need = next((glibc for since, glibc in _GLIBC if at_least(release.version, since)), None)
    return libc is None or need is None or at_least(libc, need)


def _builds(view: View, release: Release, targets: list[Target]) -> list[Choice]:
    platform = torch_releases.platform(view.facts.host.os, view.facts.host.machine)
    vendor = targets[0].vendor
    mine = [t for t in targets if t.vendor == vendor]
    found = []
    for variant in release.variants(platform).values():
        if variant.vendor != vendor or not variant.known or not _driven(view, variant):
            continue
        how = [service(_code(variant), t, _driver(view)) for t in mine]
        if all(s in (Service.native, Service.jit) for s in how):
            found.append(Choice(release, variant, Service.jit not in how))
    return found


def _code(variant: Variant) -> Code:
    toolkit = cuda_toolkits.get(variant.cuda) if variant.cuda else None
    kind = "cubin" if variant.cuda else "hip"
    objects = [CodeObject.model_validate({"kind": kind, "arch": a}) for a in variant.archs]
    isa = toolkit.ptx if toolkit else None
    objects += [CodeObject(kind="ptx", arch=a, ptx_version=isa) for a in variant.ptx or ()]
    return Code("torch", tuple(objects), whole=variant.ptx is not None, cuda=variant.cuda)


def _driver(view: View) -> str | None:
    return next((d.cuda for d in view.facts.drivers if d.vendor == "nvidia" and d.cuda), None)


def _driven(view: View, variant: Variant) -> bool:
    """Whether the driver here serves it; no driver here is no reason against it."""
    served = _driver(view)
    if variant.cuda is None or served is None:
        return True
    return int(major(served)) >= int(major(variant.cuda))


def _distance(view: View, choice: Choice) -> tuple[bool, bool, bool, bool, int]:
    """Machine code first, and no CUDA newer than the driver's: only minor-version compatibility
    serves that. Then what is nearest to the CUDA of now: torch's, else the toolkit's; without
    either what a plain install brings, else the newest.
    """
    torch, toolkit = view.facts.torch, toolkit_in_use(view)
    now = (torch.hip if choice.variant.rocm else torch.cuda) if torch else None
    if now is None and toolkit and choice.variant.cuda:
        now = toolkit.version
    version = choice.variant.cuda or choice.variant.rocm or ""
    served = _driver(view) if choice.variant.cuda else None
    beyond = served is not None and not at_least(served, version)
    if now is None:
        platform = torch_releases.platform(view.facts.host.os, view.facts.host.machine)
        usual = choice.release.default.get(platform) == choice.variant.name
        return (not choice.native, beyond, False, not usual, -_step(version))
    steps = abs(_step(version) - _step(now))
    return (not choice.native, beyond, not same_major(version, now), False, steps)


def _step(version: str) -> int:
    first, second, *_ = (*numbers(version), 0, 0)
    return first * 100 + second


def moved_along(view: View, choice: Choice) -> tuple[list[str], list[str]]:
    """Requirements for the installed companions, and the names of those for which none is known."""
    known = companions.for_torch(choice.release.version)
    requirements, unknown = [], []
    for name in sorted(companions.names()):
        if view.dist(name) is None:
            continue
        row = known.get(name)
        versions = sorted(row.exact if row and not row.find_links else (), key=numbers)
        if not versions:
            unknown.append(name)
        elif name in ("torchvision", "torchaudio"):
            requirements.append(f"{name}=={versions[-1]}+{choice.variant.name}")
        else:
            requirements.append(f"{name}=={versions[-1]}")
    return requirements, unknown

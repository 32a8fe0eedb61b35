"""TORCH_CUDA_ARCH_LIST and its relatives: what a build would generate for a value of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gpufix.knowledge import host_compilers
from gpufix.knowledge.compat import cubin_serves, hip_serves, ptx_serves
from gpufix.knowledge.compat_arch import CudaArch, GfxArch, parse_arch
from gpufix.model import Target


@dataclass(frozen=True)
class ArchList:
    """What a value asks for. `native`: the GPUs of the building machine. `bad`: refused parts."""

    cubins: tuple[CudaArch, ...] = ()
    ptx: tuple[CudaArch, ...] = ()
    gfx: tuple[GfxArch, ...] = ()
    native: bool = False
    bad: tuple[str, ...] = ()

    def serves(self, target: Target) -> bool:
        """Whether code of this list runs on a target; unknown counts as yes."""
        device = parse_arch(target.arch)
        if isinstance(device, GfxArch):
            return any(hip_serves(code, device) is not False for code in self.gfx)
        native = any(cubin_serves(code, device) is not False for code in self.cubins)
        return native or any(ptx_serves(code, device) for code in self.ptx)


def of_torch(value: str, release: str) -> ArchList:
    """TORCH_CUDA_ARCH_LIST as cpp_extension of a torch release reads it.

    Blanks and semicolons separate; names stand for lists; anything else is a ValueError there.
    """
    rules = host_compilers.extension_rules(release)
    if rules is None:
        return ArchList(native=True)  # before the table: not judged
    if value.strip().lower() == "native" and rules["native"]:
        return ArchList(native=True)
    for name, expansion in sorted(rules["named"].items(), key=lambda pair: -len(pair[0])):
        value = value.replace(name, expansion)
    known = set(rules["archs"].split())
    parts = [part for part in re.split(r"[; ]+", value.strip()) if part]
    good = [part for part in parts if part.removesuffix("+PTX") in known]
    bad = tuple(part for part in parts if part.removesuffix("+PTX") not in known)
    cubins = tuple(arch for part in good if (arch := _cuda(part.removesuffix("+PTX"))))
    ptx = tuple(arch for part in good if part.endswith("+PTX") and (arch := _cuda(part[:-4])))
    return ArchList(cubins=cubins, ptx=ptx, bad=bad)


def of_rocm(value: str) -> ArchList:
    """PYTORCH_ROCM_ARCH: gfx names between blanks and semicolons; hipcc refuses others."""
    parts = [part for part in re.split(r"[; ]+", value.strip()) if part]
    parsed = [(part, _gfx(part)) for part in parts]
    return ArchList(
        gfx=tuple(arch for _, arch in parsed if arch),
        bad=tuple(part for part, arch in parsed if arch is None),
    )


def of_cmake(value: str) -> ArchList:
    """CUDAARCHS: "75;86-real;90-virtual", or all, all-major, native (not judged)."""
    if value.strip() in ("all", "all-major", "native", "OFF"):
        return ArchList(native=True)
    cubins, ptx, bad = [], [], []
    for part in filter(None, re.split(r"[; ]+", value.strip())):
        number, _, kind = part.partition("-")
        arch = _cuda(number) if re.fullmatch(r"\d{2,3}[af]?", number) else None
        if arch is None or kind not in ("", "real", "virtual"):
            bad.append(part)
            continue
        cubins += [arch] if kind != "virtual" else []
        ptx += [arch] if kind != "real" else []
    return ArchList(cubins=tuple(cubins), ptx=tuple(ptx), bad=tuple(bad))


def spelled(targets: Iterable[Target], release: str) -> str:
    """The targets as TORCH_CUDA_ARCH_LIST: "8.9;12.0". The last gets +PTX, for later GPUs.

    Raises ValueError when cpp_extension of this release does not know one of them.
    """
    archs = sorted({a for t in targets if isinstance(a := parse_arch(t.arch), CudaArch)})
    parts = [f"{a.major}.{a.minor}{a.variant}" for a in archs]
    rules = host_compilers.extension_rules(release)
    unknown = [p for p in parts if rules is None or p not in rules["archs"].split()]
    if unknown or not parts:
        raise ValueError(f"cpp_extension of torch {release} does not know {', '.join(unknown)}")
    plain = not archs[-1].variant  # PTX of an "a" arch runs nowhere else
    return ";".join(parts) + ("+PTX" if plain else "")


def _cuda(text: str) -> CudaArch | None:
    try:
        arch = parse_arch(text)
    except ValueError:
        return None
    return arch if isinstance(arch, CudaArch) else None


def _gfx(text: str) -> GfxArch | None:
    try:
        arch = parse_arch(text)
    except ValueError:
        return None
    return arch if isinstance(arch, GfxArch) else None

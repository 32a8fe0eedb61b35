"""TORCH_CUDA_ARCH_LIST and its kin: what lists mean, and where sources fix architectures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gpufix.evidence.building import generates, rocm_torch, toolkit_in_use
from gpufix.evidence.targets import gravity
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda
from gpufix.knowledge.data_table import minor
from gpufix.knowledge.gpus.architectures import (
    CudaArch,
    GfxArch,
    cubin_serves,
    hip_serves,
    parse_arch,
    ptx_serves,
)
from gpufix.model import WARNING, Severity, Target
from gpufix.source.arch_flags import ArchFlag


class ArchList(Frozen):
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


def of_installed_torch(view: View, value: str) -> ArchList | None:
    """TORCH_CUDA_ARCH_LIST as the installed torch reads it; without one, as text. None: its release
    is not known."""
    torch = view.facts.torch
    if torch is not None and torch.release is None:
        return None
    return of_torch(value, torch.release if torch else None)


def of_torch(value: str, release: str | None) -> ArchList:
    """TORCH_CUDA_ARCH_LIST as cpp_extension of a torch release reads it. None: of any one, which
    may know architectures that the newest no longer does.

    Blanks and semicolons separate; names stand for lists; anything else is a ValueError there.
    """
    rules = cuda.extension_rules(release)
    if rules is None:
        return ArchList(native=True)  # before the table: not judged
    if value.strip().lower() == "native" and rules["native"]:
        return ArchList(native=True)
    for name, expansion in sorted(rules["named"].items(), key=lambda pair: -len(pair[0])):
        value = value.replace(name, expansion)
    parts = [part for part in re.split(r"[; ]+", value.strip()) if part]
    known = set(rules["archs"].split())
    if release is None:
        known |= {name for part in parts if _cuda(name := part.removesuffix("+PTX"))}
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
    """CUDAARCHS: "75;86-real;90-virtual". A word is not judged: all, native, RAPIDS, or a project's own."""
    if not re.search(r"\d", value):
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


def spelled(targets: Iterable[Target], release: str | None) -> str:
    """The targets as TORCH_CUDA_ARCH_LIST: "8.9;12.0". The last gets +PTX, for later GPUs.

    Raises ValueError when cpp_extension of this release (None: the newest) does not know one of them.
    """
    archs = sorted({a for t in targets if isinstance(a := parse_arch(t.arch), CudaArch)})
    parts = [f"{a.major}.{a.minor}{a.variant}" for a in archs]
    rules = cuda.extension_rules(release)
    unknown = [p for p in parts if rules is None or p not in rules["archs"].split()]
    if unknown or not parts:
        whose = f"torch {release}" if release else "the newest torch"
        raise ValueError(f"cpp_extension of {whose} does not know {', '.join(unknown)}")
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


def vendor(view: View) -> str:
    """Whose GPUs a build of the project is for; without a torch, the targets say."""
    if view.facts.torch is None and view.targets:
        return "amd" if all(target.vendor == "amd" for target in view.targets) else "nvidia"
    return "amd" if rocm_torch(view) else "nvidia"


def targets(view: View) -> list[Target]:
    """The targets that a build of the project is for."""
    return [target for target in view.targets if target.vendor == vendor(view)]


def arch_list(flags: Iterable[ArchFlag]) -> ArchList:
    """What flags ask for."""
    cubins: list[CudaArch] = []
    ptx: list[CudaArch] = []
    gfx: list[GfxArch] = []
    native = False
    for kind, name in flags:
        native = native or kind == "native"
        if kind in ("native", "dynamic"):
            continue
        try:
            arch = parse_arch(name)
        except ValueError:
            continue
        if isinstance(arch, GfxArch):
            gfx.append(arch)
        else:
            (ptx if kind == "ptx" else cubins).append(arch)
    return ArchList(cubins=tuple(cubins), ptx=tuple(ptx), gfx=tuple(gfx), native=native)


def missed(view: View, archs: ArchList) -> list[Target]:
    """Targets that a list does not serve; none when it follows the GPUs of the machine."""
    if archs.native:
        return []
    return [target for target in targets(view) if not archs.serves(target)]


def refused(view: View, archs: ArchList) -> tuple[str, list[str]]:
    """(nvcc's version, the architectures of a list that it generates no code for)."""
    toolkit = toolkit_in_use(view)
    cuda = minor(toolkit.version) if toolkit and toolkit.version else ""
    if not cuda or vendor(view) != "nvidia":
        return cuda, []
    names = sorted({arch.name for arch in (*archs.cubins, *archs.ptx)})
    return cuda, [name for name in names if generates(cuda, name) is False]


def severity(view: View, unserved: Sequence[Target], certain: bool) -> Severity:
    """Error for what a user would meet, when nothing stands in doubt."""
    return gravity(unserved, targets(view)) if certain else WARNING


def named(flags: Sequence[ArchFlag]) -> str:
    """ "sm_75, sm_80 and PTX of sm_80"."""
    codes = list(dict.fromkeys(name for kind, name in flags if kind in ("cubin", "hip")))
    ptx = list(dict.fromkeys(name for kind, name in flags if kind == "ptx" and name))
    words = [", ".join(codes)] if codes else []
    words += [f"PTX of {', '.join(ptx)}"] if ptx else []
    return " and ".join(words)


def listed(unserved: Sequence[Target]) -> str:
    """ "sm_120, sm_90"."""
    return ", ".join(target.arch for target in unserved)


def variants(pairs: Iterable[ArchFlag]) -> tuple[str, ...]:
    """sm_90a and its like, when nothing else is built for: such code is written for that GPU."""
    codes = tuple(name for kind, name in pairs if kind in ("cubin", "ptx"))
    return codes if all(name.endswith(("a", "f")) for name in codes) else ()

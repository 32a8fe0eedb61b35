"""Architectures that a build file fixes, against targets and the toolkit. Shared by SRC601's parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpufix.checks.arch_list import ArchList
from gpufix.checks.building import generates, rocm_torch, toolkit_in_use
from gpufix.checks.registry import ERROR, WARNING
from gpufix.knowledge.compat_arch import CudaArch, GfxArch, parse_arch
from gpufix.knowledge.versions import minor
from gpufix.model import Severity, Target
from gpufix.view import View

Pair = Sequence[str]  # ("cubin", "sm_90")


def vendor(view: View) -> str:
    """Whose GPUs a build of the project is for."""
    return "amd" if rocm_torch(view) else "nvidia"


def targets(view: View) -> list[Target]:
    """The targets that a build of the project is for."""
    return [target for target in view.targets if target.vendor == vendor(view)]


def arch_list(pairs: Iterable[Pair]) -> ArchList:
    """What flags ask for, as ("cubin" | "ptx" | "hip" | "native", architecture)."""
    cubins: list[CudaArch] = []
    ptx: list[CudaArch] = []
    gfx: list[GfxArch] = []
    native = False
    for kind, name in pairs:
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


def missed(view: View, asked: ArchList) -> list[Target]:
    """Targets that a list does not serve; none when it follows the GPUs of the machine."""
    if asked.native:
        return []
    return [target for target in targets(view) if not asked.serves(target)]


def refused(view: View, asked: ArchList) -> tuple[str, list[str]]:
    """(nvcc's version, the architectures of a list that it generates no code for)."""
    toolkit = toolkit_in_use(view)
    cuda = minor(toolkit.version) if toolkit and toolkit.version else ""
    if not cuda or vendor(view) != "nvidia":
        return cuda, []
    names = sorted({arch.name for arch in (*asked.cubins, *asked.ptx)})
    return cuda, [name for name in names if generates(cuda, name) is False]


def severity(view: View, lost: Sequence[Target], certain: bool) -> Severity:
    """Error when nothing is served and nothing stands in doubt."""
    return ERROR if certain and len(lost) == len(targets(view)) else WARNING


def named(pairs: Iterable[Pair]) -> str:
    """ "sm_75, sm_80 and PTX of sm_80"."""
    codes = list(dict.fromkeys(name for kind, name in pairs if kind in ("cubin", "hip")))
    ptx = list(dict.fromkeys(name for kind, name in pairs if kind == "ptx" and name))
    words = [", ".join(codes)] if codes else []
    words += [f"PTX of {', '.join(ptx)}"] if ptx else []
    return " and ".join(words)


def listed(lost: Sequence[Target]) -> str:
    """ "sm_120, sm_90"."""
    return ", ".join(target.arch for target in lost)

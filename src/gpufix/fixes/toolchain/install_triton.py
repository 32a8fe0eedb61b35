"""Install a Triton whose own ptxas knows the GPU."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet

from gpufix.evidence.building import generates
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.triton_ptxas import installed
from gpufix.evidence.view import View
from gpufix.fixes.pins import reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.knowledge import triton
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.model import Finding, Plan, Skip
from gpufix.model.payload import UnfitCode
from gpufix.text.names import normalise

NAME = "install-triton"


@fix(NAME, "TCH212")
def install_triton(finding: Finding, view: View) -> Plan | Skip | None:
    """The first listed release after the installed one that all who require it take."""
    dist, arch = installed(view), finding.payload_as(UnfitCode).arch
    if dist is None:
        return None
    wanted = _wanted(view, dist.name)
    fitting = [v for v in triton.after(dist.version) if wanted.contains(v) and _knows(v, arch)]
    reason = why_not(dist)
    if reason is None and not fitting:
        whose = f"{dist.name}{wanted}, which is required here," if str(wanted) else dist.name
        reason = f"no listed release of {whose} knows {arch}"
    if reason:
        return finding.skip(NAME, reason)
    return finding.plan(
        NAME,
        "unsafe",
        f"install {dist.name} {fitting[0]}, whose ptxas knows {arch}",
        reinstall(view, dist.name, fitting[0]),
        subjects=[dist.name],
        for_this_torch=True,
    )


def _wanted(view: View, name: str) -> SpecifierSet:
    rows = view.derive(Requirements.of).rows
    every = (r.specifier for _, r in rows if normalise(r.name) == name)
    return SpecifierSet(",".join(filter(None, map(str, every))))


def _knows(version: str, arch: str) -> bool:
    device = parse_arch(arch)
    tool = triton.ptxas(version, device.number) if isinstance(device, CudaArch) else None
    return bool(tool and tool.ships and generates(tool.ships, arch))

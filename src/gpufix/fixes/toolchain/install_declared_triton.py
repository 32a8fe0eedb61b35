"""Install the Triton that torch declares."""

from __future__ import annotations

from packaging.requirements import Requirement

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

NAME = "install-declared-triton"


@fix(NAME, "TCH212")
def install_declared_triton(finding: Finding, view: View) -> Plan | Skip | None:
    """The newest listed release that torch takes, when its own ptxas knows the GPU."""
    dist = installed(view)
    if dist is None:
        return None
    arch, wanted = finding.payload_as(UnfitCode).arch, _declared(view, dist.name)
    version = triton.newest(wanted.specifier) if wanted else None
    reason = why_not(dist)
    if reason is None and (wanted is None or version is None):
        reason = f"torch declares no {dist.name} that is listed"
    elif reason is None and wanted and wanted.specifier.contains(dist.version, prereleases=True):
        reason = f"torch declares the {dist.name} that is installed"
    elif reason is None and version and not _knows(version, arch):
        reason = f"the ptxas of {dist.name} {version}, which torch declares, does not know {arch}"
    if reason or wanted is None or version is None:
        return Skip(fix=NAME, code=finding.code, subject=finding.subject, reason=str(reason))
    return Plan(
        fix=NAME,
        codes=[finding.code],
        subjects=[dist.name],
        title=f"install {dist.name} {version}: torch declares {dist.name}{wanted.specifier}",
        safety="unsafe",
        steps=[reinstall(dist.name, version)],
        for_this_torch=True,
    )


def _declared(view: View, name: str) -> Requirement | None:
    rows = view.derive(Requirements.of).rows
    return next((r for d, r in rows if d.name == "torch" and normalise(r.name) == name), None)


def _knows(version: str, arch: str) -> bool:
    device = parse_arch(arch)
    tool = triton.ptxas(version, device.number) if isinstance(device, CudaArch) else None
    return bool(tool and tool.ships and generates(tool.ships, arch))

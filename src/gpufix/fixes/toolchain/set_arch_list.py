"""Say for which GPUs to build."""

from __future__ import annotations

from gpufix.evidence.arch_lists import spelled
from gpufix.evidence.profiles import setting_lines
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.model import Finding, Plan, SetVariables, Skip, Target
from gpufix.model.payload import EnvironmentVariable

NAME = "set-arch-list"


@fix(NAME, "TCH210")
def set_arch_list(finding: Finding, view: View) -> Plan | Skip:
    """The targets in the variable's own spelling; without a target it is unset."""
    name = finding.payload_as(EnvironmentVariable).name
    try:
        value = value_for(view, name)
    except ValueError as error:
        return finding.skip(NAME, str(error), subject=name)
    lines = setting_lines(view, name)
    return finding.plan(
        NAME,
        "safe",
        f"set {name} to {value}" if value else f"unset {name}",
        SetVariables(variables={name: value}),
        subjects=[name],
        notes=[f"set by {line}: the environment file outranks it" for line in lines],
    )


def value_for(view: View, name: str) -> str | None:
    """The targets as a value of TORCH_CUDA_ARCH_LIST, PYTORCH_ROCM_ARCH or CUDAARCHS.

    None without a target of the vendor. Raises ValueError when torch cannot be told of one.
    """
    vendor = "amd" if name == "PYTORCH_ROCM_ARCH" else "nvidia"
    targets = [t for t in view.targets if t.vendor == vendor]
    if not targets:
        return None
    if name == "PYTORCH_ROCM_ARCH":
        return ";".join(sorted({t.arch for t in targets}))
    if name == "CUDAARCHS":
        return ";".join(dict.fromkeys(_cmake(t) for t in targets))
    torch = view.facts.torch
    return spelled(targets, (torch.release or "") if torch else None)


def _cmake(target: Target) -> str:
    arch = parse_arch(target.arch)
    return f"{arch.number}{arch.variant}" if isinstance(arch, CudaArch) else ""

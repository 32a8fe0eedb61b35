"""GPU107."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.gpu_code import (
    Service,
    SubjectCode,
    label,
    listed,
    service,
    targets_of_torch,
    torch_code,
    unknown_code,
    unserved,
)
from gpufix.evidence.rocm_wheels import lacking
from gpufix.evidence.view import View
from gpufix.knowledge.gpus import models
from gpufix.model import Gap, Target
from gpufix.model.payload import HsaOverride

_VARIABLE = "HSA_OVERRIDE_GFX_VERSION"


@rule("GPU107", "gfx-unsupported")
def gfx_unsupported(view: View) -> Iterator[Fault | Gap]:
    """The installed ROCm torch holds no code object for an AMD target.

    ## What it does
    Compares the gfx of each target with torch's code objects, generic targets and features
    (xnack, sramecc) included, and looks up whether a value of HSA_OVERRIDE_GFX_VERSION is known.
    Of AMD's own wheels it reads the archives that hold their code (`torch/.kpack`), which
    amd-torch-device-gfx1100 and its like bring.

    ## Why it matters
    AMD code objects are exact: there is no PTX to fall back on. `HIP error: invalid device
    function`, or rocBLAS's `Cannot read TensileLibrary.dat`.

    ## Example
    `torch 2.6.0+rocm6.2.4 holds machine code for gfx900, …, gfx1101; none of it runs on gfx1102
    (Radeon RX 7600). HSA_OVERRIDE_GFX_VERSION=11.0.0 is in use for it, at low risk.`

    ## Severity
    Error; advice for a GPU beside another one that is served, and for one inside the processor
    that nobody named. Silent when an override to code that torch holds is in force.

    ## Fix
    Unsafe: set the override (low risk only), or install a build that holds the gfx. Manual: the
    wheel of code for it, from AMD's own index.

    ## Source
    LLVM AMDGPUUsage; ROCm/ROCm#2353; pytorch/pytorch#179653 (gfx1103 hangs).
    """
    targets = [t for t in targets_of_torch(view) if t.vendor == "amd"]
    torch, code = view.facts.torch, torch_code(view)
    if torch is None or not targets:
        return
    if code is None:
        yield unknown_code(view)
        return
    if _overridden(view, code):
        return
    integrated = {g.index for g in view.facts.gpus if g.vendor == "amd" and g.integrated}
    for target, severity in unserved(code, targets):
        yield Fault(
            severity=ADVICE if target.gpu in integrated else severity,
            subject=target.arch,
            message=_message(view, code, target),
            evidence=code.evidence,
            breaks=("torch-code",),
            payload=HsaOverride(target.arch, None if code.apart else _low_risk(target, code)),
        )


def _message(view: View, code: SubjectCode, target: Target) -> str:
    if code.apart:
        return lacking(view, code, target)
    torch = view.facts.torch
    return (
        f"torch {torch.version if torch else ''} holds {listed(code.objects)}; none of it runs on "
        f"{label(target)}. {_known(target, code)}"
    )


def _overridden(view: View, code: SubjectCode) -> bool:
    """HSA_OVERRIDE_GFX_VERSION_1 is that of the kernel's node 1 alone, and outranks the general one."""
    environment = view.facts.environment
    set_here = (*environment.process, *environment.overlay)
    names = {_VARIABLE, *(name for name in set_here if name.startswith(_VARIABLE))}
    values = [models.posed(view.env(name) or "") for name in names]
    return any(gfx is not None and _holds(code, gfx) for gfx in values)


def _known(target: Target, code: SubjectCode) -> str:
    override = models.hsa_override(target.arch)
    if override is None or not _holds(code, override.poses_as):
        return "No override value is known for it."
    risk = {"low": "at low risk", "high": "and hangs or crashes are reported"}.get(
        override.risk, "but nothing is known of its risk"
    )
    return f"HSA_OVERRIDE_GFX_VERSION={override.value} is in use for it, {risk}."


def _low_risk(target: Target, code: SubjectCode) -> str | None:
    override = models.hsa_override(target.arch)
    if override and override.risk == "low" and _holds(code, override.poses_as):
        return override.value
    return None


def _holds(code: SubjectCode, gfx: str) -> bool:
    return service(code, Target(vendor="amd", arch=gfx, source="")) is not Service.none

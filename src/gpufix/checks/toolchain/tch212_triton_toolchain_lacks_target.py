"""TCH212."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.building import generates
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.targets import gravity
from gpufix.evidence.triton_ptxas import InUse, in_use, installed
from gpufix.evidence.view import View
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.model import Distribution, Gap, Severity, Target
from gpufix.model.payload import UnfitCode
from gpufix.text.names import normalise


@rule("TCH212", "triton-toolchain-lacks-target")
def triton_toolchain_lacks_target(view: View) -> Iterator[Fault | Gap]:
    """The ptxas that Triton runs generates no code for a target.

    ## What it does
    Finds the ptxas that the installed Triton runs for the GPU: its own (`ptxas`, in some releases
    `ptxas-blackwell` for newer GPUs), or the one that TRITON_PTXAS_PATH or, where that is asked for,
    TRITON_PTXAS_BLACKWELL_PATH names. Reads its CUDA release in the file, and looks up which GPUs that
    knows.

    ## Why it matters
    Each kernel of Triton's, and `torch.compile`, fails on that GPU: `PTXASError: … ptxas fatal :
    Value 'sm_121a' is not defined for option 'gpu-name'`. The rest of torch works.

    ## Example
    `triton 3.5.1 compiles with the ptxas of CUDA 12.8, which does not know sm_121 (NVIDIA GB10):
    it needs CUDA 12.9.`

    ## Severity
    Error where something uses Triton: somebody asked for it by name, another package than torch requires
    it, or the project's Python holds `triton` or `torch.compile`. Else warning: torch brings Triton along,
    and works without it. Warning for a visible GPU beside another one that is served.

    ## Fix
    Safe: set the variable to the ptxas of an installed toolkit that knows the GPU. Unsafe: the Triton
    that torch declares; a wheel with a ptxas that knows it.

    ## Source
    Triton's sources and wheels, 2.0 to 3.9: a kernel compiled by 3.0 to 3.9 for nine architectures, with
    and without each variable.
    """
    dist = installed(view)
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    if dist is None or not targets or view.facts.host.os != "Linux":
        return
    used = [(target, found) for target in targets if (found := in_use(view, dist, target))]
    blind = next((found for _, found in used if found.release is None), None)
    if blind:
        reason = "which CUDA its ptxas is of is not known"
        yield Gap(section="toolkits", subject=dist.name, reason=f"{blind.path}: {reason}")
    lacking = [(t, f) for t, f in used if f.release and generates(f.release, t.arch) is False]
    for target, found in lacking:
        severity = gravity([t for t, _ in lacking], targets)
        yield _fault(dist, target, found, severity if _is_used(view, dist) else WARNING)


def _fault(dist: Distribution, target: Target, found: InUse, severity: Severity) -> Fault:
    label = f"{target.arch} ({target.name})" if target.name else target.arch
    chosen = f" ({found.named_by})" if found.named_by else ""
    return Fault(
        severity=severity,
        subject=target.arch,
        message=f"{dist.name} {dist.version} compiles with the ptxas of CUDA {found.release}{chosen}, "
        f"which does not know {label}: {_history(target)}.",
        evidence=(f"ptxas: {found.path}",),
        payload=UnfitCode(dist.name, target.arch),
    )


def _history(target: Target) -> str:
    span = cuda_toolkits.first_and_last(target.arch)
    if span is None:
        return "no listed CUDA does"
    return f"CUDA {span[1]} was the last to know it" if span[1] else f"it needs CUDA {span[0]}"


def _is_used(view: View, dist: Distribution) -> bool:
    rows = view.derive(Requirements.of).rows
    if dist.requested or any(normalise(r.name) == dist.name and d.name != "torch" for d, r in rows):
        return True
    words = ("triton", "torch.compile") if view.facts.project else ()
    return any(map(view.project_holders, words))

"""TCH201."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.checks.registry import ADVICE, ERROR, Fault, rule
from gpufix.evidence.targets import wanting
from gpufix.evidence.view import View
from gpufix.evidence.without_torch import frameworks
from gpufix.model import Severity, Target, Torch

_BUILDS = {"nvidia": "CUDA", "amd": "ROCm"}


@rule("TCH201", "torch-variant-mismatch")
def torch_variant_mismatch(view: View) -> Iterator[Fault]:
    """The installed torch is built for no GPU, or for the other vendor's.

    ## What it does
    Compares what torch is built for (CPU, CUDA, ROCm) with the vendors of the targets.

    ## Why it matters
    `torch.cuda.is_available()` is false, and extensions find no GPU code to link to. On Windows
    `pip install torch` brings the CPU build from the package index, and says nothing.

    ## Example
    `torch 2.13.0+cpu is a CPU build; sm_120 (--gpu sm_120) needs a CUDA build.`

    ## Severity
    Error; advice when the only GPU is an AMD one inside the processor that nobody named, and for a
    CPU build beside another framework with GPU code of its own (JAX, CuPy, RAPIDS), where nothing
    needs torch's. Each GPU that was named must be of the vendor that torch is built for; of the
    visible ones, one.

    ## Fix
    Unsafe: install the build for these GPUs. Manual: on Windows, the command that takes the same release
    from torch's own index.

    ## Source
    torch's own version.py.
    """
    torch = view.facts.torch
    if torch is None or torch.state != "ok" or not view.targets:
        return
    built_for = _vendor(torch)
    if built_for == "unknown":
        return
    targets = wanting([t for t in view.targets if t.vendor != built_for], view.targets)
    if not targets:
        return
    needed = " or ".join(sorted({f"a {_BUILDS[t.vendor]}" for t in targets}))
    named = ", ".join(f"{t.arch} ({t.name or t.source})" for t in targets[:4])
    verb = "needs" if len(targets) == 1 else "need"
    vendors = {t.vendor for t in targets}
    others = frameworks(view, *vendors) if built_for == "none" and len(vendors) == 1 else []
    aside = f"{', '.join(others[:4])}: GPU code that needs no torch" if others else None
    yield Fault(
        severity=ADVICE if others else _severity(view, targets),
        subject="torch",
        message=f"torch {torch.version} is {_kind(torch)} build; {named} {verb} {needed} build.",
        evidence=(*_evidence(view, torch), *([aside] if aside else [])),
        breaks=("torch-gpu",),
    )


def _evidence(view: View, torch: Torch) -> Iterator[str]:
    yield f"{torch.location}/torch/version.py"
    dist = view.dist("torch")
    if dist is not None and dist.build:
        yield f"conda's build: {dist.package} {dist.version} {dist.build}"


def _vendor(torch: Torch) -> str:
    if torch.hip:
        return "amd"
    if torch.cuda:
        return "nvidia"
    return "none" if torch.variant in ("cpu", "xpu") else "unknown"


def _kind(torch: Torch) -> str:
    if torch.hip:
        return "a ROCm"
    if torch.cuda:
        return "a CUDA"
    return "a CPU" if torch.variant == "cpu" else "an XPU"


def _severity(view: View, targets: Sequence[Target]) -> Severity:
    """A processor's own AMD graphics is no reason to want a ROCm build."""
    inside = {g.index for g in view.facts.gpus if g.vendor == "amd" and g.integrated}
    return ADVICE if all(t.vendor == "amd" and t.gpu in inside for t in targets) else ERROR

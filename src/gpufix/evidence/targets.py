"""Which GPUs the patient must serve."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.knowledge.gpus import models as known
from gpufix.model import ERROR, WARNING, Facts, Gpu, Severity, Target


def choose(facts: Facts, named: Sequence[str], of_project: Sequence[str] = ()) -> list[Target]:
    """The named targets, else the project's, else the visible GPUs of the vendor that torch is built for.

    Raises knowledge.gpus.GpuNameError for a name that is not one GPU's.
    """
    if named:
        return _unique([known.resolve(name) for name in named])
    if of_project:
        return _unique([known.resolve(name, "[tool.gpufix]") for name in of_project])
    return _unique([t for gpu in _relevant(facts) if (t := _of(gpu)) is not None])


def named(targets: Sequence[Target]) -> str:
    """Their architectures, each once: "sm_89, sm_120"."""
    return ", ".join(dict.fromkeys(target.arch for target in targets))


def wanting(unserved: Sequence[Target], targets: Sequence[Target]) -> list[Target]:
    """Those of the unserved targets whose lack is a fault: each that the user or the project named;
    visible GPUs when none of them is served."""
    if len(unserved) == len(targets):
        return list(unserved)
    return [target for target in unserved if target.gpu is None]


def gravity(unserved: Sequence[Target], targets: Sequence[Target]) -> Severity:
    """Error where a lack is a fault, warning for a visible GPU beside another one that is served."""
    return ERROR if wanting(unserved, targets) else WARNING


def _relevant(facts: Facts) -> list[Gpu]:
    """An AMD iGPU beside an NVIDIA card is no target of a CUDA build, and the reverse."""
    vendor = _vendor_of_torch(facts)
    gpus = facts.gpus
    if vendor is None or not any(g.vendor == vendor for g in gpus):
        # A CPU build, or none of the build's vendor: every discrete GPU is what the user has.
        discrete = [g for g in gpus if not g.integrated]
        return discrete or list(gpus)
    return [g for g in gpus if g.vendor == vendor]


def _vendor_of_torch(facts: Facts) -> str | None:
    if facts.torch and facts.torch.hip:
        return "amd"
    if facts.torch and facts.torch.cuda:
        return "nvidia"
    return None


def _of(gpu: Gpu) -> Target | None:
    arch = gpu.arch or (known.arch_of_name(gpu.name) if gpu.name else None)
    if arch is None:
        return None
    source = f"GPU {gpu.index}"
    return Target(vendor=gpu.vendor, arch=arch, name=gpu.name, source=source, gpu=gpu.index)


def _unique(targets: Sequence[Target]) -> list[Target]:
    first: dict[str, Target] = {}
    for target in targets:
        first.setdefault(target.arch, target)
    return list(first.values())

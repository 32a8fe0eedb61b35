"""GPU108."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.gpu_code import driver_cuda, extensions, label, unserved, variants_only
from gpufix.evidence.view import View
from gpufix.model import CodeObject
from gpufix.model.payload import UnfitCode


@rule("GPU108", "arch-variant-only")
def arch_variant_only(view: View) -> Iterator[Fault]:
    """An extension holds only code for exact (`sm_90a`) or family (`sm_100f`) targets, not this one.

    ## What it does
    Finds distributions all of whose code carries the suffix `a` or `f`, and a target that it does
    not serve.

    ## Why it matters
    `a` code and PTX run on that one compute capability, `f` on its family; neither moves forward
    to later GPUs, although PTX without a suffix would.

    ## Example
    `flash-attn-3 holds only sm_90a, which runs on 9.0 only, not on sm_120 (NVIDIA GeForce RTX
    5080).`

    ## Severity
    Error; advice for a GPU beside another one that is served. Silent where the target is served.

    ## Fix
    Safe: rebuild for the target, when the source is known and has other kernels for it. Unsafe: a
    fallback in its place.

    ## Source
    ptxas 13.5 on every pair of targets; NVIDIA's Blackwell compatibility guide.
    """
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    for code in extensions(view.facts):
        special = variants_only(code)
        if not special:
            continue
        for target, severity in unserved(code, targets, driver_cuda=driver_cuda(view)):
            yield Fault(
                severity=severity,
                subject=code.subject,
                message=f"{code.subject} holds only {_reach(special)}, not on {label(target)}.",
                evidence=code.evidence,
                breaks=(f"code:{code.subject}",),
                payload=UnfitCode(code.subject, target.arch),
            )


def _reach(objects: list[CodeObject]) -> str:
    """ "sm_90a, which runs on 9.0 alone"."""
    names = sorted({o.arch for o in objects}, key=lambda arch: (len(arch), arch))
    exact = [n for n in names if n.endswith("a")]
    family = [n for n in names if n.endswith("f")]
    places = ", ".join(f"{n[3:-2]}.{n[-2]}" for n in exact)
    reaches = [
        (exact, f"on {places} only"),
        (family, "within the same family at an equal or higher minor version only"),
    ]
    return " and ".join(
        f"{', '.join(names)}, which {'runs' if len(names) == 1 else 'run'} {where}"
        for names, where in reaches
        if names
    )

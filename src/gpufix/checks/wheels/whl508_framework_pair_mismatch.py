"""WHL508."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.families import Mismatch, Mismatches, Rivals, rivals
from gpufix.evidence.view import View
from gpufix.model import Severity
from gpufix.model.payload import MismatchedPair, RivalDistributions


@rule("WHL508", "framework-pair-mismatch")
def framework_pair_mismatch(view: View) -> Iterator[Fault]:
    """Parts of a framework that must agree do not.

    ## What it does
    Compares the versions of packages that are made for one another: jax, jaxlib, its GPU plug-in
    and that one's compiler; FlashInfer, its cubins and its compiled kernels; SGLang and its
    kernels; RAPIDS' parts; cuda-python and its bindings; TensorRT's bindings and libraries; ONNX
    Runtime and TensorRT; CTranslate2 and cuDNN; the wheels of one ROCm; nvcc from wheels and its
    parts, where a project is compiled by it. And finds packages of which
    one may be installed: builds that lay the same files (CuPy's, CV-CUDA's, DALI's, spconv's), JAX's
    plug-ins for two CUDA majors.

    ## Why it matters
    `RuntimeWarning: JAX plugin jax_cuda12_plugin version 0.9.2 is installed, but it is not
    compatible with the installed jaxlib version 0.9.0.1, so it will not be used`.

    ## Example
    `jax-cuda12-plugin 0.9.2 goes with jaxlib 0.9.2; jaxlib 0.9.0.1 is installed: RuntimeWarning:
    JAX plugin … so it will not be used.`

    ## Severity
    Error where an import or a call raises for it, and where a GPU that must be served loses what
    the framework has for it. Warning for the rest. Silent where the framework's own variable
    switches its check off.

    ## Fix
    Unsafe: install the release that goes with the other part, or remove a part that can be done
    without and is not published for it; of several packages, keep the one for the CUDA that is
    here, and restore its files. Safe where nobody asked for what is removed.

    ## Source
    The checks that the packages make themselves, and their metadata; the rows name both.
    """
    for mismatch in view.derive(Mismatches.of).found:
        yield _pair(view, mismatch)
    for several in rivals(view):
        if not several.group.gpu:
            yield _several(several)


def _pair(view: View, mismatch: Mismatch) -> Fault:
    pair, one, other = mismatch.pair, mismatch.one, mismatch.other
    return Fault(
        severity=_severity(view, mismatch),
        subject=f"{one.name} × {other.name}",
        message=(
            f"{one.name} {one.version} goes with {other.name} {mismatch.needed}; "
            f"{other.name} {other.version} is installed: {pair.says}."
        ),
        evidence=(f"source: {pair.source}",),
        breaks=(f"mismatch:{one.name}:{other.name}",),
        payload=MismatchedPair(one.name, other.name),
    )


def _severity(view: View, mismatch: Mismatch) -> Severity:
    served = any(target.vendor == mismatch.pair.vendor for target in view.targets)
    lost = mismatch.pair.outcome == "gpu" and served
    return ERROR if lost or mismatch.pair.outcome == "raises" else WARNING


def _several(several: Rivals) -> Fault:
    named = " and ".join(f"{d.name} {d.version}" for d in several.here)
    return Fault(
        severity=WARNING,
        subject=" / ".join(several.names),
        message=f"{named} are side by side; one of them may be there: {several.group.lost}.",
        evidence=(f"source: {several.group.source}",),
        breaks=tuple(f"{kind}:{n}" for n in several.names for kind in ("collision", "family")),
        payload=RivalDistributions(several.names),
    )

"""WHL504."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.requirements import Requirements, Unmet
from gpufix.evidence.view import View
from gpufix.model.payload import DistributionFault

_PINNED = ("nvidia-", "triton", "pytorch-triton", "cuda-toolkit", "cuda-bindings")


@rule("WHL504", "pin-skew")
def pin_skew(view: View) -> Iterator[Fault]:
    """The CUDA or Triton wheels installed are not those that the installed torch declares.

    ## What it does
    Compares the installed versions of `nvidia-*`, `triton` and `cuda-toolkit` with torch's own
    Requires-Dist rows, and with what these require in turn.

    ## Why it matters
    torch is built and tested against exactly these. An older NCCL or cuDNN lacks symbols
    (`undefined symbol: ncclGroupSimulateEnd`); a newer one usually works, unproven.

    ## Example
    `torch 2.9.0 declares nvidia-nccl-cu12==2.27.5; 2.21.5 is installed.`

    ## Severity
    Warning; error when the libraries say that torch cannot load with it (then SYM403 is attached).

    ## Fix
    Install a version that satisfies all who declare one. Safe where torch cannot load without it, else Unsafe; Manual
    where conda installed the wheel: its `conda install` command.

    ## Source
    torch's own metadata.
    """
    for unmet in view.derive(Requirements.of).unmet:
        if unmet.installed is not None and is_torch_pin(unmet):
            yield _fault(unmet)


def is_torch_pin(unmet: Unmet) -> bool:
    """Whether this row is torch (or its CUDA meta-package) pinning one of its libraries."""
    owner = unmet.dist.name
    return owner in ("torch", "cuda-toolkit") and unmet.name.startswith(_PINNED)


def _fault(unmet: Unmet) -> Fault:
    requirement = unmet.requirement
    return Fault(
        severity=WARNING,
        subject=unmet.name,
        message=f"{unmet.dist.name} {unmet.dist.version} declares "
        f"{requirement.name}{requirement.specifier}; {unmet.installed} is installed.",
        breaks=(f"dist:{unmet.name}",),
        needs=(f"collision:{unmet.name}",),
        payload=DistributionFault(unmet.name),
    )

"""RUN804."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.knowledge import allocator
from gpufix.model.payload import EnvironmentVariable

_NAMES = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF")
_SINCE = (2, 9)  # PYTORCH_ALLOC_CONF, which outranks the older names


@rule("RUN804", "allocator-setting")
def allocator_setting(view: View) -> Iterator[Fault]:
    """A setting of torch's allocator that torch will refuse or not read.

    ## What it does
    Parses `PYTORCH_ALLOC_CONF` and its older names as torch does: `key:value` pairs, known keys,
    values in range. Says when one of them hides another.

    ## Why it matters
    A malformed setting raises at the first use of the GPU, far from where it was written.

    ## Example
    `PYTORCH_CUDA_ALLOC_CONF cannot be used: expandable_segments takes True or False, not 'true'.`

    ## Severity
    Error when torch refuses it; warning for a key unknown here (a newer torch may have it), and
    when two variables disagree.

    ## Fix
    Safe: unset it in the environment file.

    ## Source
    pytorch: c10/core/AllocatorConfig.cpp, c10/cuda/CUDAAllocatorConfig.cpp.
    """
    torch = view.facts.torch
    if torch is None or torch.variant == "cpu":
        return
    present = {name: value for name in _NAMES if (value := view.env(name))}
    for name, value in present.items():
        for fault in allocator.faults(value):
            unknown = "has the key" in fault
            yield Fault(
                severity=WARNING if unknown else ERROR,
                subject=name,
                message=f"{name} cannot be used: {fault}.",
                evidence=(f"{name}={value}",),
                payload=EnvironmentVariable(name),
            )
    yield from _hidden(view, present)


def _hidden(view: View, present: dict[str, str]) -> Iterator[Fault]:
    newest, *older = _NAMES
    release = view.facts.torch.release if view.facts.torch else None
    version = version_of(release) if release else None
    if newest not in present or version is None or version.release[:2] < _SINCE:
        return
    for name in older:
        if name in present and present[name] != present[newest]:
            yield Fault(
                severity=WARNING,
                subject=name,
                message=f"{name} is not read: {newest} is set too, and outranks it.",
                evidence=(f"{newest}={present[newest]}", f"{name}={present[name]}"),
                payload=EnvironmentVariable(name),
            )

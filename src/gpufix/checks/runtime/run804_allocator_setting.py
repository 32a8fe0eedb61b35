"""RUN804."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.view import View
from gpufix.knowledge import allocator
from gpufix.model.payload import EnvironmentVariable


@rule("RUN804", "allocator-setting")
def allocator_setting(view: View) -> Iterator[Fault]:
    """A setting of torch's allocator that torch will refuse or not read.

    ## What it does
    Parses the setting that the installed torch reads as torch does: `key:value` pairs, known keys,
    values in range. Of `PYTORCH_CUDA_ALLOC_CONF`, `PYTORCH_HIP_ALLOC_CONF` (ROCm builds) and
    `PYTORCH_ALLOC_CONF` the first that is set is the only one that counts; torch 2.9 looks at the last first, older
    ones not at all. Says when one of them hides another.

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
    if torch is None or torch.release is None or not (torch.cuda or torch.hip):
        return
    known = allocator.variables(torch.release, hip=torch.hip is not None)
    present = [(name, value) for name in known if (value := view.env(name)) is not None]
    for read, setting in present[:1]:
        yield from _refused(read, setting)
        yield from _hidden(f"{read}={setting}", present, torch.release)


def _refused(name: str, value: str) -> Iterator[Fault]:
    for fault in allocator.faults(value):
        verdict = "cannot be used" if fault.certain else "may be refused"
        yield Fault(
            severity=ERROR if fault.certain else WARNING,
            subject=name,
            message=f"{name} {verdict}: {fault.text}.",
            evidence=(f"{name}={value}",),
            payload=EnvironmentVariable(name),
        )


def _hidden(read: str, present: list[tuple[str, str]], release: str) -> Iterator[Fault]:
    counts, _, setting = read.partition("=")
    for name, value in present:
        if value != setting:
            yield Fault(
                severity=WARNING,
                subject=name,
                message=f"{name} is not read: {counts} is set too, and torch {release} takes that.",
                evidence=(read, f"{name}={value}"),
                payload=EnvironmentVariable(name),
            )

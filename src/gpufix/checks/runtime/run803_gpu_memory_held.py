"""RUN803."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.view import View
from gpufix.model import Gpu

_SHARE = 0.25  # of the device's memory: less is a desktop


@rule("RUN803", "gpu-memory-held")
def gpu_memory_held(view: View) -> Iterator[Fault]:
    """Other processes hold a good part of a GPU's memory.

    ## What it does
    Adds up what the driver says processes hold on each visible GPU.

    ## Why it matters
    What they hold is missing from yours: out-of-memory errors at the first allocation. Each
    process also pays for a CUDA context of its own.

    ## Example
    `11.2 of 16.0 GiB of GPU 0 are held by other processes.`

    ## Severity
    Advice, from a quarter of the memory on.

    ## Fix
    None: whose processes they are is for you to say.

    ## Source
    NVML, or the KFD's process records.
    """
    for gpu in view.facts.gpus:
        held = _held(gpu)
        if gpu.memory_total and held >= _SHARE * gpu.memory_total:
            yield Fault(
                severity=ADVICE,
                subject=f"GPU {gpu.index}",
                message=f"{held / 2**30:.1f} of {gpu.memory_total / 2**30:.1f} GiB of GPU "
                f"{gpu.index} are held by other processes.",
                evidence=tuple(_line(gpu)),
            )


def _held(gpu: Gpu) -> int:
    listed = sum(p.memory or 0 for p in gpu.processes)
    if gpu.memory_total is not None and gpu.memory_free is not None and gpu.processes:
        # In containers the driver lists processes without their memory.
        return max(listed, gpu.memory_total - gpu.memory_free)
    return listed


def _line(gpu: Gpu) -> Iterator[str]:
    for process in sorted(gpu.processes, key=lambda p: -(p.memory or 0)):
        size = f"{process.memory / 2**30:.1f} GiB" if process.memory else "unknown size"
        yield f"{process.name or 'a process'} (pid {process.pid}): {size}"

"""NOD1131."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1131", "memory-held")
def memory_held(view: View) -> Iterator[Fault | Gap]:
    """A GPU's memory is held before a job has started.

    ## What it does
    Reads the memory in use, without what the driver reserves: more than 15 MiB.

    ## Why it matters
    What is held is missing from the job. Memory without a process is what a crashed one left, or
    one of another container.

    ## Example
    `GPU 2: 71.3 GiB of memory are in use, by no process that can be seen.`

    ## Severity
    Advice where processes are listed; warning where none is, outside of containers, which hide
    them.

    ## Fix
    Manual: those who hold it are found and ended, or the GPU is reset.

    ## Source
    facebookresearch/gcm gpu_mem_usage (default 15 MiB). RUN803 judges the same for a program of
    yours, from a quarter of the memory on.
    """
    for gpu in known(view, "memory_used", "processes", vendor=None):
        if isinstance(gpu, Gap):
            yield gpu
        elif limit("memory_held").reached(gpu.memory_used or 0):
            size = (gpu.memory_used or 0) / 2**20
            words = f"{size / 1024:.1f} GiB" if size >= 1024 else f"{size:.0f} MiB"
            who = "no process that can be seen"
            if gpu.processes:
                who = f"{gpu.processes} process{'es' if gpu.processes > 1 else ''}"
            hidden = gpu.processes or view.facts.host.container
            yield Fault(
                severity=ADVICE if hidden else WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: {words} of memory are in use, by {who}.",
                payload=NodeFault("free-memory", gpu=gpu.index),
            )

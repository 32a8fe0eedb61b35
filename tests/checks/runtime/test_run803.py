"""RUN803: what other processes hold of a GPU's memory."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.runtime.run803_gpu_memory_held import gpu_memory_held
from gpufix.evidence.view import View
from gpufix.model import Gpu, GpuProcess

GIB = 1 << 30


def holding(
    *sizes: float | None,
    total: float | None = 16,
    free: float | None = None,
    index: int = 0,
    name: str = "python",
) -> Gpu:
    """A GPU on which processes from pid 10 on hold so many GiB; None: it is not said how many."""
    processes = [
        GpuProcess(pid=10 + i, name=name, memory=None if size is None else int(size * GIB))
        for i, size in enumerate(sizes)
    ]
    return b.gpu(
        index=index,
        processes=processes,
        memory_total=None if total is None else int(total * GIB),
        memory_free=None if free is None else int(free * GIB),
    )


def of(*gpus: Gpu) -> View:
    return b.view(b.facts(gpus=list(gpus)))


def fault(held: str, *lines: str, index: int = 0) -> Fault:
    return Fault(
        ADVICE,
        f"GPU {index}",
        f"{held} of 16.0 GiB of GPU {index} are held by other processes.",
        evidence=lines,
    )


SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "no GPU": of(),
    "an idle GPU": of(holding()),
    "a desktop": of(holding(0.6)),
    "a little less than a quarter": of(holding(2, 1.99)),
    "how much there is is not known": of(holding(8, total=None)),
    "neither total nor held is known": of(holding(None, total=None, free=4)),
    "nobody is listed: what is taken is the driver's own, or the system's": of(holding(free=4)),
    "how much is free is not known": of(holding(None)),
    "most is free": of(holding(None, free=15)),
}

FIRING = {
    "a quarter": Fires(
        of(holding(2, 2)),
        fault("4.0", "python (pid 10): 2.0 GiB", "python (pid 11): 2.0 GiB"),
    ),
    "the greatest first, those of unknown size last": Fires(
        of(holding(None, 2, 8)),
        fault(
            "10.0",
            "python (pid 12): 8.0 GiB",
            "python (pid 11): 2.0 GiB",
            "python (pid 10): unknown size",
        ),
    ),
    "a container: processes are listed without their memory": Fires(
        of(holding(None, free=10, name="")), fault("6.0", "a process (pid 10): unknown size")
    ),
    "more is taken than the listed ones hold": Fires(
        of(holding(1, free=10)), fault("6.0", "python (pid 10): 1.0 GiB")
    ),
    "the listed ones hold more than was taken a moment ago": Fires(
        of(holding(5, free=12)), fault("5.0", "python (pid 10): 5.0 GiB")
    ),
    "nothing is free": Fires(of(holding(15, free=0)), fault("16.0", "python (pid 10): 15.0 GiB")),
    "the second and third GPU of four": Fires(
        of(holding(), holding(4, index=1), holding(5, index=2), holding(index=3)),
        [
            fault("4.0", "python (pid 10): 4.0 GiB", index=1),
            fault("5.0", "python (pid 10): 5.0 GiB", index=2),
        ],
    ),
}

test_silent, test_firing = rows(gpu_memory_held, SILENT, FIRING)

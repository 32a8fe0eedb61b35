"""TCH208: compilers at once against memory."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.toolchain.tch208_build_will_exhaust_memory import build_will_exhaust_memory
from gpufix.evidence.view import View
from gpufix.model.payload import JobLimit

GIB = 1 << 30


def of(
    gib: float | None, sources: int | None = 40, cpus: int = 16, jobs: str = "", builds: bool = True
) -> View:
    """A project of so many CUDA sources where there is so much memory."""
    memory = None if gib is None else int(gib * GIB)
    return b.view(
        b.healthy(
            host=b.host(memory=memory, cpus=cpus),
            project=b.project(builds=builds, cuda_sources=sources),
            environment=b.environment(**({"MAX_JOBS": jobs} if jobs else {})),
        )
    )


def fault(jobs: int, sources: int, need: int, gib: int, limit: int) -> Fault:
    return Fault(
        WARNING,
        "MAX_JOBS",
        f"A build would run {jobs} compilers at once for {sources} CUDA sources, about {need} GiB; "
        f"{gib} GiB of memory are here.",
        payload=JobLimit(limit),
    )


SAFE = ["set-max-jobs safe"]
SILENT = {
    "healthy": b.view(b.healthy()),
    "two jobs more than processors, and just enough": of(54),
    "few sources": of(6, sources=2),
    "one source, whatever it takes": of(2, sources=1),
    "the number of sources is not known": of(8, sources=None),
    "no CUDA source": of(8, sources=0),
    "how much memory there is is not known": of(None),
    "nothing to build": of(8, builds=False),
    "no project": b.view(b.healthy(host=b.host(memory=8 * GIB), project=None)),
    "MAX_JOBS is small enough": of(8, jobs="2"),
    "MAX_JOBS is one": of(2, jobs="1"),
    "two processors start three": of(9, cpus=2),
    "one processor starts two": of(6, cpus=1),
}

FIRING = {
    "two jobs more than processors": Fires(of(53.9), fault(18, 40, 54, 54, 17), offers=SAFE),
    "as many as there are sources": Fires(of(16, 12), fault(12, 12, 36, 16, 5), offers=SAFE),
    "three processors start five": Fires(of(14, cpus=3), fault(5, 40, 15, 14, 4), offers=SAFE),
    "two processors start three": Fires(of(8, cpus=2), fault(3, 40, 9, 8, 2), offers=SAFE),
    "one processor starts two": Fires(of(5, cpus=1), fault(2, 40, 6, 5, 1), offers=SAFE),
    "less memory than one takes": Fires(of(2, cpus=1), fault(2, 40, 6, 2, 1), offers=SAFE),
    "MAX_JOBS is too large": Fires(of(16, jobs="8"), fault(8, 40, 24, 16, 5), offers=SAFE),
    "MAX_JOBS is no number": Fires(of(16, jobs="all"), fault(18, 40, 54, 16, 5), offers=SAFE),
    "MAX_JOBS is zero": Fires(of(16, jobs="0"), fault(18, 40, 54, 16, 5), offers=SAFE),
    "MAX_JOBS has thousands of digits": Fires(
        of(16, jobs="9" * 5000), fault(40, 40, 120, 16, 5), offers=SAFE
    ),
}

test_silent, test_firing = rows(build_will_exhaust_memory, SILENT, FIRING)

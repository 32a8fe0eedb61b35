"""TCH208."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.building import builds
from gpufix.evidence.view import View
from gpufix.model.payload import JobLimit

# Peak of nvcc 13.0 and its children on a file that includes torch/extension.h (torch 2.13), one
# architecture: 2.95 GiB. Kernels heavy in templates need more.
JOB_BYTES = 3 << 30


@rule("TCH208", "build-will-exhaust-memory")
def build_will_exhaust_memory(view: View) -> Iterator[Fault]:
    """As many compilers as a build would start do not fit into memory.

    ## What it does
    Takes MAX_JOBS (ninja's own default is two more than the processors, one more than one or two),
    at most one job for each CUDA or HIP source of the project, at 3 GiB each, and compares with
    the memory that this process may use.

    ## Why it matters
    `nvcc error: 'cicc' died due to signal 9 (Kill signal)`, or a machine that stops answering.

    ## Example
    `A build would run 18 compilers at once for 24 CUDA sources, about 54 GiB; 31 GiB of memory
    are here.`

    ## Severity
    Warning. Silent when the number of sources is not known, or there is nothing to build.

    ## Fix
    Safe: set MAX_JOBS.

    ## Source
    Measured with nvcc 13.0 and torch 2.13; torch/utils/cpp_extension.py; ninja's manual.
    """
    project, host = view.facts.project, view.facts.host
    if not builds(view) or project is None or not project.cuda_sources or host.memory is None:
        return
    jobs = min(_jobs(view), project.cuda_sources)
    need = jobs * JOB_BYTES
    if jobs > 1 and need > host.memory:
        yield Fault(
            severity=WARNING,
            subject="MAX_JOBS",
            message=f"A build would run {jobs} compilers at once for {project.cuda_sources} CUDA "
            f"sources, about {need >> 30} GiB; {host.memory / 2**30:.0f} GiB of memory are here.",
            payload=JobLimit(max(1, host.memory // JOB_BYTES)),
        )


def _jobs(view: View) -> int:
    value = view.env("MAX_JOBS") or ""
    if value.isdecimal() and int(value[:6]) > 0:
        return int(value[:6])
    cpus = view.facts.host.cpus
    return cpus + (2 if cpus > 2 else 1)  # ninja.cc, GuessParallelism

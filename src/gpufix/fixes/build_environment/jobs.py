"""How many compilers at once."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.toolchain.tch208_build_will_exhaust_memory import JOB_BYTES
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.variables import Variable

# Peak of g++ 12 on a file that includes torch/extension.h of torch 2.13: 1.63 GiB with -O0,
# 1.86 GiB with -O3 -g. JOB_BYTES is nvcc's, measured alike.
HOST_JOB_BYTES = 2 << 30


def most_jobs(view: View, gpu: bool, requested: int | None = None) -> int:
    """Compilers that may run at once: at least 1, never more than memory holds.

    `requested` (--jobs) and MAX_JOBS lower the number of processors, or raise it up to memory's limit.
    """
    wanted = requested or _set(view.env("MAX_JOBS")) or view.facts.host.cpus
    return max(1, min(wanted, in_memory(view, gpu)))


def in_memory(view: View, gpu: bool) -> int:
    """Compilers that fit into the memory that is free now; when that is unknown, one a processor."""
    host = view.facts.host
    free = host.memory if host.memory_available is None else host.memory_available
    if free is None:
        return max(1, host.cpus)
    return max(1, free // (JOB_BYTES if gpu else HOST_JOB_BYTES))


def most_folders(view: View, gpu: bool, requested: int | None = None) -> int:
    """Folders that may be built at once.

    One more than jobs: what a build does besides compiling (metadata, linking, installing) keeps
    one processor busy at most. Each has a compiler of its own, so memory bounds them too.
    """
    jobs = most_jobs(view, gpu, requested)
    return jobs if requested else min(jobs + 1, in_memory(view, gpu))


def share(free: int, waiting: int) -> int:
    """Jobs for the folder that starts next, when `free` are unused and `waiting` folders are left."""
    return max(1, free // max(1, waiting))


def job_variables(jobs: int, text: str, reason: str) -> Iterator[Variable]:
    """MAX_JOBS for cpp_extension, its counterpart for CMake, and what multiplies them, off.

    flash-attention's NVCC_THREADS compiles several architectures at once within one job.
    """
    yield Variable("MAX_JOBS", str(jobs), reason)
    yield Variable("CMAKE_BUILD_PARALLEL_LEVEL", str(jobs), reason)
    if "NVCC_THREADS" in text:
        yield Variable("NVCC_THREADS", "1", f"each would take memory besides MAX_JOBS={jobs}")


def reason_for(view: View, gpu: bool) -> str:
    """ "2 processors; 22 GiB of memory at 3 GiB for each compiler"."""
    host = view.facts.host
    free = host.memory if host.memory_available is None else host.memory_available
    each = (JOB_BYTES if gpu else HOST_JOB_BYTES) >> 30
    memory = f"{free >> 30} GiB of memory" if free is not None else "memory unknown"
    processors = f"{host.cpus} processor{'' if host.cpus == 1 else 's'}"
    return f"{processors}; {memory} at {each} GiB for each compiler"


def _set(value: str | None) -> int | None:
    return int(value[:6]) if value and value.isdecimal() and int(value[:6]) > 0 else None

"""How many compilers at once."""

from __future__ import annotations

import builders as b
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufix.evidence.view import View
from gpufix.fixes.build_environment.jobs import (
    HOST_JOB_BYTES,
    JOB_BYTES,
    job_variables,
    most_folders,
    most_jobs,
    share,
)

GIB = 1 << 30


def view(cpus: int, free: int | None, **process: str) -> View:
    host = b.host(cpus=cpus, memory=free, memory_available=free)
    return b.view(b.healthy(host=host, environment=b.environment(**process)))


# processors, GiB, MAX_JOBS, --jobs, GPU sources -> jobs, folders
CASES = {
    "processors decide": (4, 64, None, None, True, 4, 5),
    "memory decides": (16, 12, None, None, True, 4, 4),
    "host code is cheaper": (16, 12, None, None, False, 6, 6),
    "one at least": (8, 1, None, None, True, 1, 1),
    "memory unknown": (6, None, None, None, True, 6, 6),
    "MAX_JOBS": (16, 64, "3", None, True, 3, 4),
    "MAX_JOBS beyond memory": (2, 12, "64", None, True, 4, 4),
    "MAX_JOBS that is none": (4, 64, "many", None, True, 4, 5),
    "--jobs": (16, 64, "3", 2, True, 2, 2),
    "--jobs beyond memory": (16, 12, None, 99, True, 4, 4),
}


@pytest.mark.parametrize("case", CASES)
def test_limits(case: str) -> None:
    cpus, free, variable, asked, gpu, jobs, folders = CASES[case]
    seen = view(
        cpus, None if free is None else free * GIB, **({"MAX_JOBS": variable} if variable else {})
    )
    assert most_jobs(seen, gpu, asked) == jobs
    assert most_folders(seen, gpu, asked) == folders


@given(st.integers(1, 256), st.integers(0, 512), st.booleans(), st.none() | st.integers(1, 300))
def test_never_more_than_memory_holds(cpus: int, free: int, gpu: bool, asked: int | None) -> None:
    each = JOB_BYTES if gpu else HOST_JOB_BYTES
    seen = view(cpus, free * GIB)
    slots = most_folders(seen, gpu, asked)
    total = most_jobs(seen, gpu, asked)
    started = 0
    for place in range(slots):  # as build_all hands them out when nothing has ended yet
        started += share(total - started, slots - place)
    assert started == 1 or started * each <= free * GIB
    assert started <= max(total, slots)


@pytest.mark.parametrize(
    ("free", "waiting", "each"), [(8, 1, 8), (8, 2, 4), (8, 3, 2), (2, 3, 1), (0, 1, 1), (-1, 2, 1)]
)
def test_share(free: int, waiting: int, each: int) -> None:
    assert share(free, waiting) == each


def test_threads_of_nvcc_do_not_multiply() -> None:
    plain = {v.name: v.value for v in job_variables(4, "", "")}
    assert plain == {"MAX_JOBS": "4", "CMAKE_BUILD_PARALLEL_LEVEL": "4"}
    text = 'os.getenv("NVCC_THREADS", "4")'
    assert {v.name: v.value for v in job_variables(4, text, "")} == plain | {"NVCC_THREADS": "1"}

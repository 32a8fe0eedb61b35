"""TCH213."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.building import cuda_build, describe, in_use
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least, minor
from gpufix.model.payload import ToolkitInUse

# The first glibc that declares functions which CUDA had before it.
_FIRST = "2.41"


@rule("TCH213", "glibc-newer-than-toolkit")
def glibc_newer_than_toolkit(view: View) -> Iterator[Fault]:
    """The CUDA headers that a build would use contradict those of the system's glibc.

    ## What it does
    From glibc 2.41 on, compares two headers: the functions that glibc's `bits/mathcalls.h` declares,
    and those that the toolkit's `crt/math_functions.h` declares as well, without an exception
    specification. CUDA up to 12.9 does so with cospi and sinpi, up to 13.1 with rsqrt (glibc 2.42).

    ## Why it matters
    No CUDA source compiles: `error: exception specification is incompatible with that of previous
    function "cospi" (declared at line 2601 of …/crt/math_functions.h)`.

    ## Example
    `glibc 2.41 declares cospi, cospif, sinpi, sinpif; so does CUDA 12.9 in /usr/local/cuda (from
    /usr/local), otherwise.`

    ## Severity
    Error. Silent when the project has nothing to build, and for conda's compilers, which bring a glibc of
    their own.

    ## Fix
    Safe: point CUDA_HOME at a toolkit here whose headers agree. Unsafe: toolkit wheels whose headers
    do. Manual: a container with an older glibc.

    ## Source
    The headers themselves: nvcc 13.0.88 with those of five toolkits and three glibc (2.36, 2.41, 2.43)
    refuses the pairs that this rule tells, and no other; https://github.com/pytorch/pytorch/issues/185698.
    """
    build, host = cuda_build(view), view.facts.host
    if build is None or host.libc != "glibc" or not at_least(host.libc_version or "0", _FIRST):
        return
    compiler = in_use(view)
    if compiler and "conda" in compiler.path.rpartition("/")[2]:
        return
    clashing = view.clashing_math(build.toolkit.root)
    if not clashing:
        return
    yield Fault(
        severity=ERROR,
        subject="glibc",
        message=f"glibc {host.libc_version} declares {', '.join(clashing)}; so does "
        f"{describe(build.toolkit)}, otherwise.",
        evidence=(f"toolkit: {build.toolkit.root}/include/crt/math_functions.h",),
        needs=("toolkit",),
        payload=ToolkitInUse("cuda", minor(build.version)),
    )

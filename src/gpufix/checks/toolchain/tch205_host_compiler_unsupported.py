"""TCH205."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.building import cuda_build, in_use, objections
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import minor
from gpufix.model.payload import ToolkitInUse


@rule("TCH205", "host-compiler-unsupported")
def host_compiler_unsupported(view: View) -> Iterator[Fault]:
    """The C++ compiler that a CUDA build would use is too new for nvcc or too old for torch.

    ## What it does
    Finds the compiler (`-ccbin` in NVCC_PREPEND_FLAGS, CC, else g++) and compares its version
    with nvcc's limit, torch's own table and what torch's headers need.

    ## Why it matters
    `#error -- unsupported GNU version! gcc versions later than 12 are not supported!`, or
    `You're trying to build PyTorch with a too old version of GCC`.

    ## Example
    `A build would use g++ 13.2.0 (/usr/bin/g++); nvcc 12.3 accepts gcc up to 12.`

    ## Severity
    Error. Silent when the project has nothing to build, and where `-allow-unsupported-compiler`
    or TORCH_DONT_CHECK_COMPILER_ABI lifts the limit.

    ## Fix
    Safe: choose an installed compiler that fits. Manual: install one.

    ## Source
    crt/host_config.h of each toolkit; CUDA_GCC_VERSIONS and CUDA_CLANG_VERSIONS of each torch.
    """
    build, compiler = cuda_build(view), in_use(view)
    if build is None or compiler is None or view.facts.host.os != "Linux":
        return
    cuda = minor(build.version)
    against = list(objections(view, compiler, cuda, build.torch))
    if not against:
        return
    yield Fault(
        severity=ERROR,
        subject=compiler.path,
        message=f"A build would use {compiler.name} {compiler.version} ({compiler.path}); "
        f"{against[0].text}.",
        evidence=tuple(f"{o.text}: {o.source}" for o in against),
        needs=("toolkit",),
        payload=ToolkitInUse("cuda", cuda),
    )

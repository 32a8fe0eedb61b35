"""TCH205."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.building import CudaBuild, cuda_build, in_use, objections
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least, minor
from gpufix.knowledge.windows import accepted_toolsets
from gpufix.model.payload import ToolkitInUse


@rule("TCH205", "host-compiler-unsupported")
def host_compiler_unsupported(view: View) -> Iterator[Fault]:
    """The C++ compiler that a CUDA build would use is too new for nvcc or too old for torch.

    ## What it does
    Finds the compiler (`-ccbin` in NVCC_PREPEND_FLAGS, CC, else g++) and compares its version
    with nvcc's limit, torch's own table and what torch's headers need. On Windows, the toolsets of
    Visual C++ with nvcc's limits.

    ## Why it matters
    `#error -- unsupported GNU version! gcc versions later than 12 are not supported!`, or
    `You're trying to build PyTorch with a too old version of GCC`.

    ## Example
    `A build would use g++ 13.2.0 (/usr/bin/g++); nvcc 12.3 accepts gcc up to 12.`

    ## Severity
    Error; on Windows a warning where an older toolset beside the newest fits. Silent when the project
    has nothing to build, and where `-allow-unsupported-compiler` or TORCH_DONT_CHECK_COMPILER_ABI lifts
    the limit.

    ## Fix
    Safe: choose an installed compiler that fits. Manual: install one.

    ## Source
    crt/host_config.h of each toolkit; CUDA_GCC_VERSIONS and CUDA_CLANG_VERSIONS of each torch.
    """
    build, compiler = cuda_build(view), in_use(view)
    if build is not None and view.facts.host.os == "Windows":
        yield from _visual_cxx(view, build)
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


def _visual_cxx(view: View, build: CudaBuild) -> Iterator[Fault]:
    """The newest toolset is the one that a build takes."""
    cuda, accepted = minor(build.version), accepted_toolsets(build.version)
    found = [tool for tool in view.facts.tools if tool.name == "cl" and tool.version]
    flags = (view.env(f"NVCC_{place}_FLAGS") or "" for place in ("PREPEND", "APPEND"))
    if accepted is None or not found or any("-allow-unsupported-compiler" in f for f in flags):
        return
    least, below = accepted
    fitting = [t for t in found if _within(t.version or "", least, below)]
    newest = found[0]
    if newest in fitting:
        return
    yield Fault(
        severity=WARNING if fitting else ERROR,
        subject=newest.path,
        message=f"A build would use Visual C++ {newest.version} ({newest.path}); nvcc {cuda} accepts "
        f"toolsets from {least} on, before {below}.",
        evidence=tuple(f"fits: {tool.path}" for tool in fitting),
        needs=("toolkit",),
        payload=ToolkitInUse("cuda", cuda),
    )


def _within(version: str, least: str, below: str) -> bool:
    return at_least(version, least) and not at_least(version, below)

"""ROCm installations. A lone hipcc (Debian ships one by itself) is not ROCm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import text_of
from gpufix.facts.toolchain.programs import (
    ToolkitPlace,
    compiler_of,
    distinct,
    from_variables,
    headers_in,
    numbered,
    resolved,
    shown,
    which,
)
from gpufix.model import Python, Toolkit

# What ATen/cuda/CUDAContext.h includes once it is translated to HIP (torch 2.13).
HEADERS = (
    "hip/hip_runtime.h",
    "hip/hip_runtime_api.h",
    "hip/hip_fp16.h",
    "hipblas/hipblas.h",
    "hipblaslt/hipblaslt.h",
    "hipsparse/hipsparse.h",
    "hipsolver/hipsolver.h",
    "thrust/complex.h",
)


def collect(ctx: CollectContext, python: Python | None) -> list[Toolkit]:
    """Every ROCm installation, the one that a variable selects even when it does not exist."""
    chosen = _selected(ctx, python)
    found = []
    for place in distinct(_places(ctx, python)):
        named = place.origin in ("ROCM_HOME", "ROCM_PATH")
        if (named and place == chosen) or _is_rocm(place):
            found.append(_toolkit(ctx, place, place == chosen))
    return found


def _selected(ctx: CollectContext, python: Python | None) -> ToolkitPlace | None:
    """What torch.utils.cpp_extension takes as ROCM_HOME (_find_rocm_home, torch 2.13)."""
    named = ctx.environ.get("ROCM_HOME") or ctx.environ.get("ROCM_PATH")
    if named is not None:
        return next(from_variables(ctx, "ROCM_HOME", "ROCM_PATH"), None)
    for place in (*_wheels(python), *_on_path(ctx)):
        return place
    usual = ctx.at("/opt/rocm")
    return ToolkitPlace("/opt/rocm", usual) if usual.exists() else None


def _places(ctx: CollectContext, python: Python | None) -> Iterator[ToolkitPlace]:
    yield from from_variables(ctx, "ROCM_HOME", "ROCM_PATH")
    yield from _wheels(python)
    yield from _on_path(ctx)
    yield from from_variables(ctx, "HIP_PATH")
    yield ToolkitPlace("/opt/rocm", ctx.at("/opt/rocm"))
    yield from numbered("/opt/rocm", ctx.at("/opt"), "rocm-*")
    if python is not None and python.kind == "conda":
        yield ToolkitPlace("conda", Path(python.prefix))
    yield ToolkitPlace("system", ctx.at("/usr"))


def _wheels(python: Python | None) -> Iterator[ToolkitPlace]:
    """ROCm's own wheels: the run time, with HIP's headers; and all, once `rocm-sdk init` unpacked it."""
    sites = [Path(site) for site in python.site_dirs] if python else []
    for name in ("_rocm_sdk_core", "_rocm_sdk_devel"):
        for folder in (site / name for site in sites):
            if (folder / "__init__.py").is_file():
                yield ToolkitPlace("wheel", folder)


def _on_path(ctx: CollectContext) -> Iterator[ToolkitPlace]:
    hipcc = which(ctx, "hipcc")
    if hipcc is not None:
        root = resolved(hipcc).parent.parent
        yield ToolkitPlace("PATH", root.parent if root.name == "hip" else root)


def _is_rocm(place: ToolkitPlace) -> bool:
    """The headers to build against, or the run-time library in a folder of ROCm's own.

    Distributions bring libamdhip64 to /usr as a dependency of MPI: that is no ROCm.
    """
    root = place.root
    if (root / ".info" / "version").is_file() or (root / "include" / HEADERS[0]).is_file():
        return True
    if place.origin == "system" or root.name == "usr":
        return False
    folders = ("lib", "lib64")
    return any(next((root / folder).glob("libamdhip64.so*"), None) for folder in folders)


def _toolkit(ctx: CollectContext, place: ToolkitPlace, is_chosen: bool) -> Toolkit:
    compiler, wrapper = compiler_of(ctx, place.root, "hipcc")
    there, missing = headers_in([place.root / "include"], HEADERS)
    return Toolkit(
        kind="rocm",
        root=shown(ctx, place.root),
        version=_version(place.root),
        origin=place.origin,
        compiler=shown(ctx, compiler) if compiler else None,
        wrapper=wrapper,
        headers=there,
        missing_headers=missing,
        selected=is_chosen,
    )


def _version(root: Path) -> str | None:
    """.info/version ("6.4.2-120"), else what the headers define."""
    found = re.match(r"\d+\.\d+(\.\d+)?", text_of(root / ".info" / "version", 65536))
    if found:
        return found[0]
    for header, prefix in (("rocm-core/rocm_version.h", "ROCM"), ("hip/hip_version.h", "HIP")):
        lines = text_of(root / "include" / header, 65536)
        parts = [re.search(rf"{prefix}_VERSION_{p}\s+(\d+)", lines) for p in ("MAJOR", "MINOR")]
        if parts[0] and parts[1]:
            return f"{parts[0][1]}.{parts[1][1]}"
    return None

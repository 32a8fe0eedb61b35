"""CUDA toolkits wherever they hide: variables, PATH, /usr/local, /opt, conda, wheels, packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.cuda_version import toolkit_version
from gpufix.facts.programs import behind, shown, which
from gpufix.facts.toolkit_places import (
    Place,
    compiler_of,
    distinct,
    from_variables,
    headers_in,
    numbered,
)
from gpufix.model import CondaPackage, Distribution, Python, Toolkit

# What ATen/cuda/CUDAContext.h includes, directly or through torch's other headers
# (the closure of its #include lines in torch 2.13).
HEADERS = (
    "cuda.h",
    "cuda_runtime.h",
    "cuda_runtime_api.h",
    "cuda_fp16.h",
    "cuda_bf16.h",
    "cublas_v2.h",
    "cublasLt.h",
    "cusparse.h",
    "cusolver_common.h",
    "cusolverDn.h",
    "thrust/complex.h",
)


def collect(
    ctx: Context, python: Python | None, distributions: Sequence[Distribution | CondaPackage]
) -> list[Toolkit]:
    """Every CUDA toolkit, the selected one included even when it does not exist."""
    chosen = selected(ctx)
    found = []
    for place in distinct(_places(ctx, python)):
        is_chosen = place == chosen
        if is_chosen or place.origin.startswith("CUDA_") or _is_toolkit(place.root):
            found.append(_toolkit(ctx, place, is_chosen, distributions))
    return found


def selected(ctx: Context) -> Place | None:
    """What torch.utils.cpp_extension takes as CUDA_HOME (_find_cuda_home, torch 1.13 - 2.15).

    It takes the folder two levels above the nvcc on PATH as it stands, links not resolved.
    """
    named = ctx.environ.get("CUDA_HOME") or ctx.environ.get("CUDA_PATH")
    if named is not None:
        return next(from_variables(ctx, "CUDA_HOME", "CUDA_PATH"), None)
    nvcc = which(ctx, "nvcc")
    if nvcc is not None:
        return Place("PATH", nvcc.parent.parent)
    usual = ctx.at("/usr/local/cuda")
    return Place("/usr/local", usual) if usual.exists() else None


def _places(ctx: Context, python: Python | None) -> Iterator[Place]:
    yield from from_variables(ctx, "CUDA_HOME", "CUDA_PATH")
    nvcc = which(ctx, "nvcc")
    if nvcc is not None:
        yield Place("PATH", nvcc.parent.parent)
    yield Place("/usr/local", ctx.at("/usr/local/cuda"))
    yield from numbered("/usr/local", ctx.at("/usr/local"), "cuda-*")
    yield Place("/opt", ctx.at("/opt/cuda"))
    yield from numbered("/opt", ctx.at("/opt"), "cuda-*")
    if python is not None:
        yield from _of_patient(python)
    for root in ("/usr/lib/cuda", "/usr/lib/nvidia-cuda-toolkit"):  # Debian's package
        yield Place("system", ctx.at(root))
    if nvcc is not None:
        yield Place("PATH", behind(ctx, nvcc).parent.parent)


def _of_patient(python: Python) -> Iterator[Place]:
    if python.kind == "conda":
        yield Place("conda", Path(python.prefix))
    for site in python.site_dirs:
        family = Path(site) / "nvidia"
        yield from numbered("wheel", family, "cu1[0-9]")  # since CUDA 13
        yield Place("wheel", family)  # cu11 and cu12: one folder for each component


def _is_toolkit(root: Path) -> bool:
    """At least a compiler, headers or the run-time library of CUDA."""
    signs = ("bin/nvcc", "version.json", "version.txt", "include/cuda_runtime_api.h")
    if any((root / sign).is_file() for sign in signs):
        return True
    return any(
        next(root.glob(pattern), None)
        for pattern in ("lib64/libcudart.so*", "cuda_*", "targets/*/include/cuda_runtime_api.h")
    )


def _toolkit(
    ctx: Context,
    place: Place,
    is_chosen: bool,
    distributions: Sequence[Distribution | CondaPackage],
) -> Toolkit:
    compiler, wrapper = compiler_of(ctx, place.root, "nvcc")
    folders = list(_include_folders(place.root))
    there, missing = headers_in(folders, HEADERS)
    return Toolkit(
        kind="cuda",
        root=shown(ctx, place.root),
        version=toolkit_version(ctx, place, compiler, folders, distributions),
        origin=place.origin,
        compiler=shown(ctx, compiler) if compiler else None,
        wrapper=wrapper,
        headers=there,
        missing_headers=missing,
        selected=is_chosen,
    )


def _include_folders(root: Path) -> Iterator[Path]:
    """Where nvcc and torch look. CUDA 13 keeps thrust and cub in a folder of their own."""
    bases = [root / "include", *sorted(root.glob("targets/*-linux/include"))]
    if root.name == "nvidia":
        bases += sorted(root.glob("*/include"))
    yield from chain.from_iterable((base, base / "cccl") for base in bases)

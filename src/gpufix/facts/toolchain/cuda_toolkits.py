"""CUDA toolkits and their versions, from files and from nvcc."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read, text, text_of
from gpufix.facts.toolchain.programs import (
    ToolkitPlace,
    behind,
    compiler_of,
    distinct,
    from_variables,
    headers_in,
    numbered,
    shown,
    version_of,
    which,
)
from gpufix.knowledge import cuda
from gpufix.model import CondaPackage, Distribution, Python, Toolkit
from gpufix.process import NoAnswer
from gpufix.text.names import normalise, without_cuda

_NVCC_PACKAGES = ("nvidia-cuda-nvcc", "cuda-nvcc", "cuda-nvcc-tools", "cudatoolkit-dev")
_RUNTIME_PACKAGES = ("nvidia-cuda-runtime", "cuda-cudart", "cudatoolkit")


def toolkit_version(
    ctx: CollectContext,
    place: ToolkitPlace,
    compiler: Path | None,
    includes: Iterable[Path],
    distributions: Sequence[Distribution | CondaPackage],
) -> str | None:
    """ "12.8"; the compiler's version counts where toolkit and headers differ."""
    roots = [*([compiler.parent.parent] if compiler else []), place.root]
    known = (v for root in roots for v in (_from_json(root), _from_text(root)) if v)
    version = next(known, None)
    if version is None and place.origin in ("wheel", "conda"):
        version = _from_packages(place.root, compiler, distributions)
    version = version or next(_from_headers([*includes, *(r / "include" for r in roots)]), None)
    return version or (_from_compiler(ctx, place.root, compiler) if compiler else None)


def _from_json(root: Path) -> str | None:
    try:
        table = json.loads(read(root / "version.json", 1 << 20))
        rows = [table[key]["version"] for key in ("cuda_nvcc", "cuda") if key in table]
        return _minor(rows[0]) if rows else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _from_text(root: Path) -> str | None:
    """version.txt, up to CUDA 11.0 and in Debian's package: "CUDA Version 11.0.194"."""
    found = re.search(r"CUDA Version (\d+\.\d+)", text_of(root / "version.txt", 4096))
    return found[1] if found else None


def _from_packages(
    root: Path, compiler: Path | None, distributions: Sequence[Distribution | CondaPackage]
) -> str | None:
    """From the wheel or conda package that brought it; a cu12 wheel carries the major in its name."""
    for names in (_NVCC_PACKAGES, _RUNTIME_PACKAGES) if compiler else (_RUNTIME_PACKAGES,):
        for dist in distributions:
            if without_cuda(normalise(dist.name)) in names and _serves(dist, root):
                return _minor(dist.version)
    return None


def _serves(dist: Distribution | CondaPackage, root: Path) -> bool:
    """site/nvidia/cu13 belongs to CUDA 13's wheels, site/nvidia to the -cu11 and -cu12 ones."""
    if isinstance(dist, CondaPackage):
        return True
    plain = without_cuda(dist.name) == dist.name
    return plain is root.name.startswith("cu")


def _from_headers(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        # The definition stands before the first function, some 14,000 bytes in.
        found = re.search(r"#define CUDA_VERSION (\d{4,6})\b", text_of(folder / "cuda.h", 65536))
        if found:
            yield cuda.of_number(int(found[1]))


def _from_compiler(ctx: CollectContext, root: Path, nvcc: Path) -> str | None:
    try:
        version_text = text(version_of(ctx, root / "bin/nvcc", nvcc, "--version").out)
    except NoAnswer as error:
        ctx.gap("toolkits", shown(ctx, nvcc), error)
        return None
    found = re.search(r"release (\d+\.\d+)", version_text)
    return found[1] if found else None


def _minor(version: object) -> str | None:
    found = re.match(r"\d+\.\d+", version) if isinstance(version, str) else None
    return found[0] if found else None


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
    ctx: CollectContext, python: Python | None, distributions: Sequence[Distribution | CondaPackage]
) -> list[Toolkit]:
    """Every CUDA toolkit, the selected one included even when it does not exist."""
    chosen = selected(ctx)
    found = []
    for place in distinct(_places(ctx, python)):
        is_chosen = place == chosen
        if is_chosen or place.origin.startswith("CUDA_") or _is_toolkit(place.root):
            found.append(_toolkit(ctx, place, is_chosen, distributions))
    return found


def selected(ctx: CollectContext) -> ToolkitPlace | None:
    """What torch.utils.cpp_extension takes as CUDA_HOME (_find_cuda_home, torch 1.13 - 2.15).

    It takes the folder two levels above the nvcc on PATH as it stands, links not resolved.
    """
    named = ctx.environ.get("CUDA_HOME") or ctx.environ.get("CUDA_PATH")
    if named is not None:
        return next(from_variables(ctx, "CUDA_HOME", "CUDA_PATH"), None)
    nvcc = which(ctx, "nvcc")
    if nvcc is not None:
        return ToolkitPlace("PATH", nvcc.parent.parent)
    usual = ctx.at("/usr/local/cuda")
    return ToolkitPlace("/usr/local", usual) if usual.exists() else None


def _places(ctx: CollectContext, python: Python | None) -> Iterator[ToolkitPlace]:
    yield from from_variables(ctx, "CUDA_HOME", "CUDA_PATH")
    nvcc = which(ctx, "nvcc")
    if nvcc is not None:
        yield ToolkitPlace("PATH", nvcc.parent.parent)
    yield ToolkitPlace("/usr/local", ctx.at("/usr/local/cuda"))
    yield from numbered("/usr/local", ctx.at("/usr/local"), "cuda-*")
    yield ToolkitPlace("/opt", ctx.at("/opt/cuda"))
    yield from numbered("/opt", ctx.at("/opt"), "cuda-*")
    if python is not None:
        yield from _of_patient(python)
    for root in ("/usr/lib/cuda", "/usr/lib/nvidia-cuda-toolkit"):  # Debian's package
        yield ToolkitPlace("system", ctx.at(root))
    if nvcc is not None:
        yield ToolkitPlace("PATH", behind(ctx, nvcc).parent.parent)


def _of_patient(python: Python) -> Iterator[ToolkitPlace]:
    if python.kind == "conda":
        yield ToolkitPlace("conda", Path(python.prefix))
    for site in python.site_dirs:
        family = Path(site) / "nvidia"
        yield from numbered("wheel", family, "cu1[0-9]")  # since CUDA 13
        yield ToolkitPlace("wheel", family)  # cu11 and cu12: one folder for each component


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
    ctx: CollectContext,
    place: ToolkitPlace,
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

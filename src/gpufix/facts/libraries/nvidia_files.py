"""Files that cuda.pathfinder opens for a library's short name, from wheels of NVIDIA's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gpufix.facts.libraries.modules import Modules
from gpufix.knowledge.data_table import numbers

# What pathfinder opens before a library: the descriptors of cuda-pathfinder 1.9.1.
_BEFORE = {
    "cublas": ("cublasLt",),
    "cudnn": ("cublasLt",),
    "cudss": ("cublas", "cublasLt"),
    "cufftw": ("cufft",),
    "cusolver": ("nvJitLink", "cusparse", "cublasLt", "cublas"),
    "cusolverMg": ("nvJitLink", "cublasLt", "cublas"),
    "cusparse": ("nvJitLink",),
    "cutensor": ("cublasLt",),
    "nvblas": ("cublas", "cublasLt"),
}


def nvidia_files(modules: Modules, sys_path: Sequence[str], name: str) -> list[str]:
    """The newest file of a name, after those of the libraries that it needs; [] when there is none."""
    found = [_newest(modules, sys_path, part) for part in (*_BEFORE.get(name, ()), name)]
    return [path for path in found if path] if found[-1] else []


def _newest(modules: Modules, sys_path: Sequence[str], name: str) -> str | None:
    wanted = re.compile(rf"lib{re.escape(name)}\.so\.([\d.]+)")
    for entry in sys_path:
        versions = {
            numbers(match[1]): f"{folder}/{file}"
            for folder in _folders(modules, entry)
            for file in modules.names_in(folder) or ()
            if (match := wanted.fullmatch(file))
        }
        if versions:
            return versions[max(versions)]
    return None


def _folders(modules: Modules, entry: str) -> Iterator[str]:
    for package in sorted(modules.names_in(f"{entry}/nvidia") or ()):
        yield f"{entry}/nvidia/{package}/lib"
        yield f"{entry}/nvidia/{package}/nvvm/lib64"
    for package in ("cutensor", "cuquantum"):
        yield f"{entry}/{package}/lib"

"""Which wheel brings a CUDA library."""

from __future__ import annotations

import re

# SONAME stem → the wheel's name without its CUDA suffix. Read off the wheels' RECORD files
# (nvidia-*-cu11, -cu12, -cu13 and the unsuffixed ones of CUDA 13).
_STEMS = {
    "libcublas": "nvidia-cublas",
    "libcublasLt": "nvidia-cublas",
    "libnvblas": "nvidia-cublas",
    "libcudart": "nvidia-cuda-runtime",
    "libcudnn": "nvidia-cudnn",
    "libcufft": "nvidia-cufft",
    "libcufftw": "nvidia-cufft",
    "libcufile": "nvidia-cufile",
    "libcufile_rdma": "nvidia-cufile",
    "libcupti": "nvidia-cuda-cupti",
    "libcurand": "nvidia-curand",
    "libcusolver": "nvidia-cusolver",
    "libcusolverMg": "nvidia-cusolver",
    "libcusparse": "nvidia-cusparse",
    "libcusparseLt": "nvidia-cusparselt",
    "libnccl": "nvidia-nccl",
    "libnvJitLink": "nvidia-nvjitlink",
    "libnvToolsExt": "nvidia-nvtx",
    "libnvrtc": "nvidia-cuda-nvrtc",
    "libnvrtc-builtins": "nvidia-cuda-nvrtc",
    "libnvshmem_host": "nvidia-nvshmem",
}
# Their SONAME's major is CUDA's own.
_NUMBERED = frozenset(
    {"nvidia-cublas", "nvidia-cuda-runtime", "nvidia-cuda-nvrtc", "nvidia-cuda-cupti"}
) | {"nvidia-nvjitlink"}
# Those that are no part of the toolkit kept their suffix with CUDA 13.
_SUFFIXED = frozenset({"nvidia-cudnn", "nvidia-nccl", "nvidia-nvshmem", "nvidia-cusparselt"})


def bringing(soname: str) -> list[str]:
    """The wheels that can bring a library: "libcudart.so.12" → nvidia-cuda-runtime-cu12,
    "libnccl.so.2" → nvidia-nccl-cu11, -cu12 and -cu13; empty when it is no CUDA library."""
    stem, _, version = soname.partition(".so")
    if stem.startswith("libcudnn_"):
        stem = "libcudnn"
    base = _STEMS.get(stem)
    if base is None:
        return []
    wheels = {11: f"{base}-cu11", 12: f"{base}-cu12", 13: base}
    if base in _SUFFIXED:
        wheels[13] = f"{base}-cu13"
    major = re.match(r"\.(\d+)", version)
    if base in _NUMBERED and major and int(major[1]) in wheels:
        return [wheels[int(major[1])]]
    return list(wheels.values())

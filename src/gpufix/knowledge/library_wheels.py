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
_SUFFIXES = ("-cu11", "-cu12", "-cu13", "")


def bringing(soname: str) -> list[str]:
    """The wheels that can bring a library, for every CUDA major: "libnccl.so.2" →
    nvidia-nccl-cu11, nvidia-nccl-cu12, …; empty when it is no CUDA library."""
    stem = re.split(r"\.so\b", soname)[0]
    if stem.startswith("libcudnn_"):
        stem = "libcudnn"
    base = _STEMS.get(stem)
    return [f"{base}{suffix}" for suffix in _SUFFIXES] if base else []
